"""What was measured is held against what is due and what is wished for."""

import pytest

from benchmarks.server.bounds import BOUNDS, Bound
from tests.unit.benchmarks.server.results import kept, results, turn


def bound(title: str) -> Bound:
    return next(found for found in BOUNDS if found.title.startswith(title))


TINY = "tiny, HTTP binary, c=32"
GRPC = "tiny, gRPC"
PSS = "PSS"


@pytest.mark.parametrize(("rate", "must", "goal"), [(299, False, False), (300, True, False), (420, True, True)])
def test_a_ratio_is_of_raw_in_the_same_turn(rate: float, must: bool, goal: bool) -> None:
    fast = turn({"http binary 32": 10 * rate}, batch1=10_000)  # a turn on a faster machine is the same ratio
    measured = results(tiny_ours=kept(turn({"http binary 32": rate}), fast))
    assert bound(TINY).value(measured) == rate / 1000
    assert bound(TINY).must_met(measured) is must
    assert bound(TINY).goal_met(measured) is goal


def test_what_was_not_measured_is_neither_met_nor_not_met() -> None:
    for found in BOUNDS:
        assert found.value(results()) is None
        assert found.must_met(results()) is None
        assert found.goal_met(results()) is None


def test_the_middle_turn_counts() -> None:
    measured = results(tiny_ours=kept(*(turn({"http binary 32": rate}) for rate in (900, 100, 310))))
    assert bound(TINY).value(measured) == 0.31


def test_less_memory_is_better() -> None:
    assert bound(PSS).must_met(results(tiny_ours=kept(turn({}, pss=130))))
    assert bound(PSS).must_met(results(tiny_ours=kept(turn({}, pss=131)))) is False


def test_grpc_must_be_ahead_of_every_peer() -> None:
    slower, faster = kept(turn({"grpc 32": 5999})), kept(turn({"grpc 32": 6000}))
    ours = kept(turn({"grpc 32": 6000}))
    assert bound(GRPC).must_met(results(tiny_ours=ours, tiny_kserve=slower, tiny_mlserver=slower)) is None
    ahead = results(tiny_ours=ours, tiny_kserve=slower, tiny_mlserver=slower, tiny_pytriton=slower)
    assert bound(GRPC).must_met(ahead) is True
    assert bound(GRPC).must_met(results(tiny_ours=ours, tiny_kserve=faster)) is False


def test_a_peer_is_shown_in_its_best_way() -> None:
    measured = results(
        tiny_mlserver=kept(turn({"http json 32": 20, "grpc 32": 30, "grpc 1": 900})),
        tiny_kserve=kept(turn({"http binary 32": 40, "grpc 32": 30})),
    )
    assert bound(TINY).of_peer(measured, "mlserver") == (0.03, "grpc")
    assert bound(TINY).of_peer(measured, "kserve") == (0.04, "")
    assert bound(TINY).of_peer(measured, "pytriton") == (None, "")
