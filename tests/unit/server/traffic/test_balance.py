"""Which pod gets the next request."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from onnx_server.traffic.balance import least_loaded


@dataclass(eq=False)
class Pod:
    in_flight: int = 0
    excluded_until: float = 0.0


pods = st.lists(st.builds(Pod, st.integers(0, 5), st.floats(0, 10)), max_size=6)


@given(pods=pods, now=st.floats(0, 10), turn=st.integers(0, 100))
def test_the_least_loaded_of_those_that_may_be_asked(pods: list[Pod], now: float, turn: int) -> None:
    chosen = least_loaded(pods, now, turn)
    free = [pod for pod in pods if pod.excluded_until <= now]
    if not free:
        assert chosen is None
    else:
        assert chosen is not None
        assert chosen.excluded_until <= now
        assert chosen.in_flight == min(pod.in_flight for pod in free)


def test_equals_take_turns() -> None:
    pods = [Pod(), Pod(), Pod()]
    chosen = [least_loaded(pods, 1.0, turn) for turn in range(6)]
    assert all(sum(one is pod for one in chosen) == 2 for pod in pods)


def test_a_new_pod_gets_work_at_once() -> None:
    pods = [Pod(in_flight=3), Pod(in_flight=2), Pod()]
    assert least_loaded(pods, 0.0, 0) is pods[2]
