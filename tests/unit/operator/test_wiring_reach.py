import pytest

from onnx_operator.wiring.reach import Reach


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_who_was_never_answered_is_out_of_reach() -> None:
    assert not Reach(7.5, Clock()).is_reached()


@pytest.mark.parametrize("code", [200, 201, 404, 409, 422, 429])
def test_an_answer_counts_for_a_while(code: int) -> None:
    clock = Clock()
    reach = Reach(7.5, clock)
    reach.request("GET", "leases", code)
    clock.now += 7.4
    assert reach.is_reached()
    clock.now += 0.2
    assert not reach.is_reached()


@pytest.mark.parametrize("code", [0, 401, 500, 503])
def test_a_failure_or_a_refused_token_is_no_answer(code: int) -> None:
    reach = Reach(7.5, Clock())
    reach.request("GET", "leases", code)
    assert not reach.is_reached()


def test_the_silence_of_a_short_lease_is_not_shorter_than_some_seconds() -> None:
    clock = Clock()
    reach = Reach(1.0, clock)
    reach.request("GET", "leases", 200)
    clock.now += 4.9
    assert reach.is_reached()
