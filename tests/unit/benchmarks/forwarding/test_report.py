"""The section shows what forwarding adds, in one turn, and what was not forwarded though it should."""

from benchmarks.forwarding.report import NAME, section
from benchmarks.forwarding.turns import CASES, FORWARDED, WAYS
from benchmarks.results import Object, Results
from tests.unit.benchmarks.server.results import MACHINE


def load(p50: float, asked: int = 0, errors: int = 0) -> Object:
    candidate = {"requests": asked, "answered": asked - errors, "errors": errors}
    return {"perSecond": 1000.0, "answers": 4000, "p50": p50, "p99": 3 * p50, "candidate": candidate}


def turn(local: float, forwarded: float) -> Object:
    loads = {
        f"{way.name} {case.name}": load(forwarded if case == FORWARDED else local, 40 * case.weight, case.weight)
        for way in WAYS
        for case in CASES
    }
    return {"elsewhere": 0.02, "loads": loads}


def results(*turns: Object) -> Results:
    kept = {"at": "2026-01-01T00:00:00+00:00", "commit": "abc", "machine": MACHINE, "candidateCore": "has a core, too"}
    return Results({NAME: {**kept, "values": {"seconds": 4, "rounds": list(turns)}}})


def test_what_is_added_is_of_one_turn() -> None:
    made = section(results(turn(0.2, 0.5), turn(0.4, 0.6), turn(0.3, 0.4)))
    assert "| forwarding adds to p50, http binary | 0.100 / 0.200 / 0.300 | ≤ 0.4 ms | met |" in made
    assert "| grpc, p50 | 0.200 / 0.300 / 0.400 | 0.400 / 0.500 / 0.600 | 0.100 / 0.200 / 0.300 |" in made
    assert "| forwarding adds to p50, grpc | 0.500 | ≤ 0.4 ms | **NOT MET** |" in section(results(turn(0.2, 0.7)))


def test_the_candidates_share_and_what_it_failed() -> None:
    made = section(results(turn(0.2, 0.5)))
    assert "| forwarded a second | 0 | 50 | 500 |" in made
    assert "| of these answered here all the same, % | 0.00 | 2.50 | 2.50 |" in made


def test_nothing_measured_is_a_page_all_the_same() -> None:
    assert section(Results()).startswith("# Benchmarks of forwarding\n")
