"""The section shows what a split and its copies add, as ratios of neighbouring loads, and what became of the copies."""

from benchmarks.results import Object, Results
from benchmarks.shadow.report import NAME, section
from benchmarks.shadow.turns import CASES, WAYS
from tests.unit.benchmarks.server.results import MACHINE


def load(p99: float, per_second: float) -> Object:
    return {"perSecond": per_second, "p50": p99 / 2, "p99": p99}


def compared(*p99: tuple[float, float, float, float]) -> Object:
    """Return loads with these times: without a split and with one, with a split and with copies."""
    first, second, third, fourth = zip(*p99, strict=True)
    dropped = {"inFlight": 790, "bytes": 0, "overloaded": 10, "unreachable": 0}
    return {
        "steps": [
            {"none": [load(each, 1000.0) for each in first], "split": [load(each, 950.0) for each in second]},
            {"split": [load(each, 950.0) for each in third], "shadow": [load(each, 900.0) for each in fourth]},
        ],
        "copies": {"sampled": 1000, "compared": 200, "dropped": dropped},
    }


def results(*p99: tuple[float, float, float, float]) -> Results:
    names = [f"{way.name} {name}" for way in WAYS for case in CASES for name in case.names]
    values = {"seconds": 1, "elsewhere": 0.02, "loads": {name: compared(*p99) for name in names}}
    kept = {"at": "2026-01-01T00:00:00+00:00", "commit": "abc", "machine": MACHINE, "candidateCore": "has a core, too"}
    return Results({NAME: {**kept, "values": values}})


def test_what_is_added_is_the_mean_of_neighbours() -> None:
    made = section(results((1.0, 1.0, 1.0, 1.01), (2.0, 2.04, 2.0, 2.0), (4.0, 4.4, 9.0, 9.9)))
    alike = "107.7 and 214.6"  # middle of 1 to 2 and 2.04 to 4.4; of 1 to 2 and 2 to 9.9
    row = f"| {alike} | 3.90 (-7.90 to 17.3) | 3.60 (-8.70 to 17.5) | 7.60 (-9.60 to 28.2) | ≤ 5 % | not told |"
    assert f"| http binary tiny, 8 connections without a pause | 3 {row}" in made
    assert f"| grpc middle, paced | 3 | {alike} | 3.90 (-7.90 to 17.3) |" in made
    assert "| grpc middle, paced | 2.000 | 2.040 | 2.000 | 2.000 |" in made
    assert "Met in 0 of 8 cases, in 0 for certain; not told in 8." in made
    assert "**NOT MET**" not in made


def test_both_together_must_be_within() -> None:
    made = section(results((1.0, 1.03, 1.0, 1.03)))
    assert "| 1 | - and - | 3 (3 to 3) | 3 (3 to 3) | 6.10 (6.10 to 6.10) | ≤ 5 % | **NOT MET** |" in made
    assert "Met in 0 of 8 cases, in 0 for certain; not told in 0." in made


def test_what_is_within_whatever_the_noise_is_met_for_certain() -> None:
    loads = ((1.0, 1.0, 1.0, 1.0), (1.0, 1.01, 1.0, 1.02), (1.0, 1.02, 1.0, 1.03))
    made = section(results(*loads))
    assert "| 2.70 (-1.70 to 7.20) | ≤ 5 % | met |" in made
    assert "Met in 8 of 8 cases, in 0 for certain; not told in 0." in made
    made = section(results(*3 * loads))
    assert "| 2.70 (1.10 to 4.40) | ≤ 5 % | met, for certain |" in made
    assert "Met in 8 of 8 cases, in 8 for certain; not told in 0." in made


def test_more_that_may_be_by_chance_is_not_told() -> None:
    loads = ((1.0, 1.04, 1.0, 1.0), (1.0, 1.06, 1.0, 1.04), (1.0, 1.08, 1.0, 1.02))
    made = section(results(*4 * loads))
    assert "| 6 (4.30 to 7.80) | 2 (0.30 to 3.80) | 8.10 (5.60 to 10.7) | ≤ 5 % | **NOT MET** |" in made
    made = section(results(*loads))
    assert "| 8.10 (1.20 to 15.4) | ≤ 5 % | not told |" in made
    assert "Met in 0 of 8 cases, in 0 for certain; not told in 8." in made


def test_what_became_of_the_copies() -> None:
    made = section(results((1.0, 1.0, 1.0, 1.0)))
    assert "| grpc tiny, 8 connections without a pause | 1,000 | 900 | 1,000 | 200 | 800 |" in made


def test_nothing_measured_is_a_page_all_the_same() -> None:
    assert section(Results()).startswith("# Benchmarks of the shadow\n")
