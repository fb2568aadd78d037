"""The check of errors: verdicts and words."""

import pytest

from onnx_operator.decide.analysis.errors import errors
from tests.unit.operator.analysis.seen import seen


def test_it_waits_for_the_first_request() -> None:
    found = errors(seen(stable_requests=500), 1, 100)
    assert (found.verdict, found.holds, found.message) == ("Unknown", True, "0 of 100 requests")
    assert (found.samples, found.needed, found.value, found.interval) == (0, 100, None, None)


def test_it_waits_for_as_many_as_are_needed() -> None:
    found = errors(seen(stable_requests=40, requests=38), 1, 100)
    assert (found.verdict, found.holds, found.message) == ("Unknown", True, "38 of 100 requests")
    assert (found.value, found.samples, found.needed) == ("0 % (stable 0 %)", 38, 100)


def test_it_passes_a_candidate_within_the_tolerance() -> None:
    found = errors(seen(stable_requests=1900, stable_errors=2, requests=100, errors=1), 1, 100)
    assert (found.check, found.verdict, found.reason, found.holds) == ("errors", "Pass", "", False)
    assert (found.value, found.level) == ("1 % (stable 0.1 %)", 0.895)
    assert found.interval is not None
    assert found.interval.endswith(" points")


def test_it_waits_where_more_than_is_tolerated_is_neither_likely_nor_ruled_out() -> None:
    found = errors(seen(stable_requests=100, requests=100, errors=3), 1, 100)
    assert (found.verdict, found.holds, found.level) == ("Unknown", True, 3.0)
    assert found.message == f"errors differ by {found.interval}: more than 1 more is not ruled out"


def test_it_fails_a_candidate_that_errs_on_one_in_twenty() -> None:
    found = errors(seen(stable_requests=7600, stable_errors=8, requests=400, errors=20), 1, 100)
    assert (found.verdict, found.reason, found.holds) == ("Fail", "CandidateErrors", False)
    assert found.message == (
        "20 of 400 requests failed, of the stable revision's 8 of 7600; up to 1 point more would be tolerated."
    )


def test_it_needs_no_full_sample_to_fail() -> None:
    assert errors(seen(stable_requests=60, requests=6, errors=6), 1, 100).verdict == "Fail"


def test_a_model_that_fails_often_is_compared_with_itself() -> None:
    assert errors(seen(stable_requests=1000, stable_errors=300, requests=100, errors=30), 1, 100).verdict == "Pass"
    assert errors(seen(stable_requests=1000, stable_errors=300, requests=100, errors=70), 1, 100).verdict == "Fail"


def test_without_an_answer_of_the_stable_revision_there_is_nothing_to_compare_with() -> None:
    found = errors(seen(requests=500, errors=50), 1, 100)
    assert (found.verdict, found.holds, found.interval) == ("Unknown", True, None)
    assert found.message == "the stable revision answered no request to compare with"


@pytest.mark.parametrize(
    ("tolerance", "verdict"), [(0, "Fail"), (1, "Fail"), (10, "Unknown"), (20, "Pass"), (100, "Pass")]
)
def test_the_tolerance_is_the_users(tolerance: int, verdict: str) -> None:
    assert errors(seen(stable_requests=150, requests=150, errors=18), tolerance, 100).verdict == verdict


@pytest.mark.parametrize(("late", "verdict"), [(19, "Pass"), (20, "Pass"), (21, "Fail")])
def test_late_answers_count_where_they_are_not_rare(late: int, verdict: str) -> None:
    found = errors(seen(stable_requests=3000, requests=500, copies=300, late=late), 1, 100)
    assert found.verdict == verdict
    if verdict == "Fail":
        assert (found.reason, found.message) == ("CandidateErrors", "21 of 200 requests were answered too late.")


def test_fewer_than_twenty_late_answers_say_nothing() -> None:
    assert errors(seen(stable_requests=900, requests=19, late=19), 1, 10).verdict == "Pass"


def test_counts_that_cannot_be_do_not_break_it() -> None:
    assert errors(seen(stable_requests=1, stable_errors=9, requests=2, errors=7, late=50, copies=90), 1, 100)


@pytest.mark.parametrize(
    ("requests", "late", "copies", "failed_copies", "verdict"),
    [
        (10_020, 20, 10_000, 20, "Pass"),  # one pause of a candidate that 10 pods copy to
        (25, 25, 0, 25, "Fail"),  # it hangs, and gets copies only
        (1_020, 20, 1_000, 0, "Fail"),  # it hangs as soon as clients come
        (10_220, 20, 10_000, 20, "Pass"),  # after a pause while it was copied to, clients come
    ],
)
def test_late_copies_are_a_share_of_all_copies(
    requests: int, late: int, copies: int, failed_copies: int, verdict: str
) -> None:
    evidence = seen(stable_requests=30_000, requests=requests, late=late, copies=copies, failed_copies=failed_copies)
    assert errors(evidence, 1, 100).verdict == verdict
