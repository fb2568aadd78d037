"""Which durations of two servers make a pair, and by what percentage it counts."""

import pytest

from onnx_server.engine.work import Run
from onnx_server.traffic.pairs import FRESH_SECONDS, LARGEST, Pairs, percent
from onnx_server.traffic.ran import Ran, alike, parsed, ran


def theirs(rows: int = 1, elements: int = 10, compute: float = 2e-3, work: float = 3e-3, *, lead: bool = True) -> Ran:
    return Ran(rows, elements, compute, work, lead)


@pytest.mark.parametrize(
    ("candidate", "stable", "expected"),
    [
        (1.0995e-3, 1e-3, 99),  # 100 µs are allowed, and numbers are rounded down
        (2.115e-3, 1e-3, 201),
        (50e-6, 1e-3, 0),
        (1.0, 1e-6, LARGEST),
        (1.0, 0.0, LARGEST),
        (0.0, 0.0, 0),
    ],
)
def test_percentages(candidate: float, stable: float, expected: int) -> None:
    assert percent(candidate, stable) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((1, 8), (1, 8), True),
        ((1, 8), (2, 8), False),
        ((1, 7), (1, 8), False),
        ((8, 64), (9, 64), False),
        ((32, 640), (29, 640), True),
        ((32, 640), (27, 640), False),
        ((32, 640), (32, 560), True),
        ((32, 640), (32, 559), False),
    ],
)
def test_what_is_alike(one: tuple[int, int], other: tuple[int, int], same: bool) -> None:
    assert alike(*one, *other) is alike(*other, *one) is same


def test_an_execution_is_used_once_and_the_newest_first() -> None:
    pairs = Pairs()
    pairs.own(1, 10, 1e-3, 0.0)
    pairs.own(1, 10, 4e-3, 1.0)
    pairs.own(1, 20, 100e-3, 2.0)
    for _ in range(3):
        pairs.candidates(theirs(compute=4.155e-3), 2.0)
    assert pairs.describe() == {"compute": {"101": 1, "405": 1}, "work": {}}


def test_who_does_not_lead_is_part_of_a_batch_that_counted_already() -> None:
    pairs = Pairs()
    pairs.own(1, 10, 1e-3, 0.0)
    pairs.candidates(theirs(lead=False), 0.0)
    assert not pairs.compute
    pairs.candidates(theirs(), 0.0)
    assert pairs.compute.total() == 1


def test_old_executions_make_no_pair() -> None:
    pairs = Pairs()
    pairs.own(1, 10, 1e-3, 0.0)
    pairs.candidates(theirs(), FRESH_SECONDS + 0.1)
    assert not pairs.compute


def test_larger_batches_need_not_be_of_the_very_same_size() -> None:
    pairs = Pairs()
    pairs.own(32, 320, 2e-3, 0.0)
    pairs.own(30, 300, 1e-3, 1.0)
    pairs.candidates(theirs(31, 310, 1.11e-3), 1.0)
    assert pairs.describe()["compute"] == {"101": 1}


def test_memory_is_bounded() -> None:
    pairs = Pairs()
    for index in range(10_000):
        pairs.own(index % 1000 + 1, 10, 1e-3, index * 1e-3)
    assert len(pairs._own) <= 256
    assert all(len(waiting) <= 16 for waiting in pairs._own.values())
    pairs.candidates(theirs(1000, 10, 1.1e-3), 10.0)
    assert pairs.compute.total() == 1
    pairs.own(5, 5, 1e-3, 1000.0)
    pairs.own(6, 6, 1e-3, 1000.0)
    assert len(pairs._own) <= 256


def test_work_is_of_one_request_and_both_batches_are_alike() -> None:
    pairs = Pairs()
    pairs.both(theirs(work=1e-3), theirs(work=1.11e-3))
    pairs.both(theirs(work=1e-3, lead=False), theirs(work=1.11e-3, lead=False))
    pairs.both(theirs(rows=1), theirs(rows=2))
    assert pairs.describe() == {"compute": {}, "work": {"101": 2}}


def test_the_header() -> None:
    how = ran(Run([], 0.5, 1234.4e-6, 8, 512, lead=True), 1500e-6)
    assert how is not None
    assert how.header() == b"rows=8 elements=512 compute=1234 work=1500 lead=1"
    assert parsed(how.header()) == Ran(8, 512, 1234e-6, 1500e-6, lead=True)
    assert ran(Run([], 0.0, 0.0), 1.0) is None  # from the response cache


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"rows=8 elements=512 compute=1234 work=1500",
        b"rows=8 elements=512 compute=1234 work=1500 lead=2",
        b"rows=-8 elements=512 compute=1234 work=1500 lead=1",
        b"rows=8 elements=512 compute=1.5 work=1500 lead=1",
        b"rows=%d elements=512 compute=1234 work=1500 lead=1" % 10**13,
        b"elements=512 rows=8 compute=1234 work=1500 lead=1",
    ],
)
def test_what_is_no_header(value: bytes | None) -> None:
    assert parsed(value) is None
