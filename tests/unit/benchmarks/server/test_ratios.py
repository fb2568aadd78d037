"""A quick run names what fell, and what cannot be told."""

from pathlib import Path

import pytest

from benchmarks.results import Object
from benchmarks.server import ratios
from benchmarks.server.ratios import Verdict
from benchmarks.server.ways import cases
from tests.unit.benchmarks.server.results import kept, results, turn

SPEED = "tiny, HTTP binary, c=32, of raw batch 1"
MEMORY = "PSS, tiny model loaded, MB"


def three(least: float, middle: float, greatest: float) -> Object:
    return {"runs": 3, "min": least, "median": middle, "max": greatest}


def verdict(name: str, now: Object | None, committed: Object | None) -> Verdict:
    given = {name: now} if now else {}
    kept_ratios = {name: committed} if committed else {}
    return next(found.verdict for found in ratios.compare(given, kept_ratios) if found.name == name)


COMMITTED = three(0.39, 0.40, 0.41)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (three(0.40, 0.40, 0.40), Verdict.HELD),
        (three(0.38, 0.381, 0.39), Verdict.HELD),  # by less than a twentieth
        (three(0.37, 0.379, 0.38), Verdict.FELL),
        (three(0.33, 0.36, 0.39), Verdict.HELD),  # by less than its own spread
        (three(0.20, 0.38, 0.39), Verdict.UNKNOWN),  # which is too wide to tell
        (three(0.10, 0.15, 0.25), Verdict.FELL),  # by more than even that
        (three(0.50, 0.60, 0.61), Verdict.HELD),  # it rose
        (None, Verdict.NOT_MEASURED),
    ],
)
def test_what_fell_is_told(now: Object | None, expected: Verdict) -> None:
    assert verdict(SPEED, now, COMMITTED) is expected


def test_the_spread_of_the_committed_turns_is_allowed() -> None:
    assert verdict(SPEED, three(0.31, 0.31, 0.31), three(0.35, 0.40, 0.45)) is Verdict.HELD
    assert verdict(SPEED, three(0.29, 0.29, 0.29), three(0.35, 0.40, 0.45)) is Verdict.FELL


def test_more_memory_is_worse() -> None:
    assert verdict(MEMORY, three(106, 106, 106), three(100, 100, 100)) is Verdict.FELL
    assert verdict(MEMORY, three(80, 80, 80), three(100, 100, 100)) is Verdict.HELD


def test_a_ratio_that_was_never_committed_is_new() -> None:
    assert verdict(SPEED, COMMITTED, None) is Verdict.NEW


def test_ratios_are_kept_beside_those_not_measured_now(tmp_path: Path) -> None:
    file = tmp_path / "ratios.json"
    assert ratios.read(file) == {}
    ratios.write({SPEED: COMMITTED, MEMORY: three(1, 1, 1)}, file)
    measured = ratios.measured(results(tiny_ours=kept(turn({"http binary 32": 500}, pss=90))))
    assert set(measured) == {SPEED, MEMORY}
    ratios.write({MEMORY: measured[MEMORY]}, file)
    assert ratios.read(file) == {SPEED: COMMITTED, MEMORY: three(90, 90, 90) | {"runs": 1}}


@pytest.mark.parametrize("model", ["tiny", "middle", "image", "wide"])
def test_a_quick_run_measures_the_cases_of_all_ratios(model: str) -> None:
    offered = {case.name for case in cases(model, (1, 8, 32, 64))}
    assert ratios.cases(model)
    assert ratios.cases(model) <= offered
