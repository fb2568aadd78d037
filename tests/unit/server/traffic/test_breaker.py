"""When a pod stops to forward by itself."""

from hypothesis import given
from hypothesis import strategies as st

from onnx_server.traffic.arms import FAILURES, Failure
from onnx_server.traffic.breaker import Breaker

outcomes = st.lists(st.sampled_from([None, *FAILURES]), max_size=80)


def noted(outcomes: list[Failure | None]) -> Breaker:
    breaker = Breaker()
    for outcome in outcomes:
        breaker.succeeded() if outcome is None else breaker.failed(outcome)
    return breaker


def should_open(outcomes: list[Failure | None]) -> bool:
    for end in range(1, len(outcomes) + 1):
        window = outcomes[max(0, end - 20) : end]
        failed = sum(outcome is not None for outcome in window)
        wrong = sum(outcome not in {None, "late"} for outcome in window)
        if window[-1] is not None and ((wrong >= 5 and 2 * wrong >= len(window)) or failed == 20):
            return True
    return False


@given(outcomes)
def test_it_opens_when_the_window_says_so_and_stays_open(outcomes: list[Failure | None]) -> None:
    assert noted(outcomes).open == should_open(outcomes)


def test_it_says_why() -> None:
    assert noted(["refused"] * 4).reason == ""
    breaker = noted([None, "late", "serverError", "refused", "serverError", "serverError", "serverError"])
    assert breaker.reason == "6 of the last 7 forwarded requests failed: serverError 4, late 1, refused 1"


def test_late_answers_alone_open_it_only_when_no_other_comes() -> None:
    assert not noted(["late"] * 19).open
    assert not noted([None, *["late"] * 19]).open
    assert noted(["late"] * 20).open


def test_a_few_failures_among_many_are_the_verdicts_affair() -> None:
    assert not noted([None, "serverError", None] * 100).open
