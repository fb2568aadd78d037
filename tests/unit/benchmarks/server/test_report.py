"""The section shows bounds, each model's loads, memory, and what was not measured."""

from benchmarks.server.bounds import BOUNDS
from benchmarks.server.ratios import compare
from benchmarks.server.report import compared, section
from tests.unit.benchmarks.server.results import kept, results, turn

MEASURED = results(
    tiny_ours=kept(
        turn({"http binary 1": 90, "http binary 32": 500}),
        turn({"http binary 1": 95, "http binary 32": 520}),
        turn({"http binary 1": 99, "http binary 32": 510}),
    ),
    tiny_mlserver=kept(turn({"grpc 32": 20}), lacks={"http binary": "it has none"}),
)


def row(made: str, title: str) -> str:
    return next(line for line in made.splitlines() if line.startswith(f"| {title} |"))


def test_bounds_have_a_verdict_each() -> None:
    made = section(MEASURED)
    tiny = row(made, "tiny, HTTP binary, c=32, of raw batch 1")
    assert "| 0.50 / 0.51 / 0.52 | ≥ 0.30 | met | ≥ 0.42 | met | - | 0.02 (grpc) | - |" in tiny
    assert "not measured" in row(made, "image, HTTP binary, c=1, of raw batch 1")
    slow = section(results(tiny_ours=kept(turn({"http binary 32": 100}))))
    assert "| 0.10 | ≥ 0.30 | **NOT MET** |" in row(slow, "tiny, HTTP binary, c=32, of raw batch 1")


def test_loads_are_shown_with_least_middle_and_greatest() -> None:
    made = section(MEASURED)
    assert "| http binary 32 | 500 / 510 / 520 | - |" in made
    assert "| grpc 32 | - | 20 |" in made
    assert "| http binary 32 | 0.510 / 0.128 | - |" in made  # of raw batch 1, of raw batch 32
    assert "## Model: image" not in made
    assert "| mlserver | 100 | 101 | 110 | 0.70 |" in made


def test_what_a_server_lacks_is_said() -> None:
    assert "http binary: it has none" in row(section(MEASURED), "mlserver")


def test_the_model_is_described_as_it_was_measured() -> None:
    assert "It is a model." in section(MEASURED)


def test_what_a_busy_neighbour_leaves_of_the_baseline_is_said() -> None:
    assert "it reaches 0.75 (batch 1) and 0.50 (batch 32) of that" in section(MEASURED)


def test_nothing_measured_still_makes_a_section_of_bounds() -> None:
    made = section(results())
    assert made.count("| not measured |") == 2 * len(BOUNDS)
    assert made.startswith("# Benchmarks of the server\n")


def test_a_quick_run_marks_what_fell() -> None:
    name = "tiny, HTTP binary, c=32, of raw batch 1"
    now, committed = ({"runs": 1, "min": v, "median": v, "max": v} for v in (0.2, 0.4))
    assert row(compared(compare({name: now}, {name: committed})), name).endswith("| 0.20 | 0.40 | **fell** |")


def test_a_server_too_slow_to_answer_has_no_times() -> None:
    stuck = turn({"http binary 32": 0})
    del stuck["loads"]["http binary 32"]["p50"], stuck["loads"]["http binary 32"]["p99"]
    made = section(results(image_kserve=kept(stuck)))
    assert "| http binary 32 | 0 |" in made
    assert "| http binary 32 | - |" in made
