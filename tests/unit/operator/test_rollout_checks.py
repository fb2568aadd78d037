"""What speaks against a candidate, and what does not."""

from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.decide.rollout.checks import CHECKS, judged
from onnx_operator.decide.rollout.checks.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.told import rounded
from onnx_operator.rollout import Arm, SplitState
from tests.unit.operator.situations import container, failed, pod, terminated
from tests.unit.operator.test_rollout_table import JUDGING, PREFLIGHT, facts, seen, split

Object = dict[str, Any]


def verdict(of: str, sight: Sight) -> Judgement:
    return next(judgement for judgement in judged(sight) if judgement.check == of)


def said(failed_requests: int, requests: int, own: int = 0, others: int = 3000) -> SplitState:
    return replace(split(0, requests=requests, errors=failed_requests), stable=Arm(others, own))


@pytest.mark.parametrize(
    ("failed_requests", "requests", "own", "others", "expected"),
    [
        (0, 0, 0, 0, "Unknown"),
        (0, 1000, 0, 3000, "Pass"),
        (2, 10, 0, 30, "Pass"),  # fewer than three say nothing
        (3, 10, 0, 30, "Fail"),
        (10, 1000, 0, 3000, "Pass"),  # one percentage point is no more than one
        (11, 1000, 0, 3000, "Fail"),
        (50, 1000, 150, 3000, "Pass"),  # the stable revision is no better
        (70, 1000, 150, 3000, "Fail"),
    ],
)
def test_errors_count_from_three_and_above_the_stable_revisions(
    failed_requests: int, requests: int, own: int, others: int, expected: str
) -> None:
    sight = seen(JUDGING, 1, stable=1, splits=(said(failed_requests, requests, own, others),))
    assert verdict("errors", sight).verdict == expected


@pytest.mark.parametrize(
    ("late", "wrong", "requests", "expected"),
    [
        (19, 0, 19, "Pass"),  # a pause makes all late that is under way
        (40, 0, 1000, "Pass"),
        (20, 0, 100, "Fail"),
        (19, 2, 100, "Pass"),  # neither is enough by itself
        (19, 3, 100, "Fail"),
    ],
)
def test_late_answers_say_something_only_where_they_are_not_rare(
    late: int, wrong: int, requests: int, expected: str
) -> None:
    arm = replace(said(0, requests).candidate, errors=late + wrong, failures={"late": late, "serverError": wrong})
    sight = seen(JUDGING, 1, stable=1, splits=(replace(said(0, requests), candidate=arm),))
    assert verdict("errors", sight).verdict == expected


def test_errors_are_summed_over_the_pods_of_this_generation_only() -> None:
    each = said(2, 100)
    assert verdict("errors", seen(JUDGING, 1, stable=2, splits=(each, each))).verdict == "Fail"
    assert verdict("errors", seen(JUDGING, 1, stable=2, splits=(each, replace(each, generation=6)))).verdict == "Pass"
    assert verdict("errors", seen(JUDGING, 1, stable=2, splits=(each, None))).verdict == "Pass"


def test_a_failure_shows_what_failed() -> None:
    found = verdict("errors", seen(JUDGING, 1, stable=1, splits=(said(30, 100),)))
    assert found.reason == "CandidateErrors"
    assert "30 of 100 requests failed (30 serverError)" in found.message
    assert (found.value, found.samples) == ("30% (stable 0%)", 100)


def test_a_pod_that_stopped_forwarding_by_itself_is_enough() -> None:
    broken = replace(said(0, 1), breaker="10 of 20 failed")
    found = verdict("errors", seen(JUDGING, 1, stable=1, splits=(broken,)))
    assert (found.verdict, "10 of 20 failed" in found.message) == ("Fail", True)


def server(restarts: int, last: Object | None = None) -> Object:
    status = container("server", {"running": {}}, ready=True, restarts=restarts, last=last)
    return pod("c9", containers=(status,), conditions=({"type": "Ready", "status": "True"},))


def test_a_server_that_was_started_again_fails_with_how_it_ended() -> None:
    found = verdict("restarts", seen(PREFLIGHT, 0, (server(1, terminated(137, reason="OOMKilled")),)))
    assert (found.verdict, found.reason) == ("Fail", "CandidateRestarted")
    assert found.message == "the server of pod c9 ended with OOMKilled (exit code 137) and was started again."


def test_restarts_from_before_the_rollout_do_not_count() -> None:
    assert verdict("restarts", seen(facts(0, restarts=2), 0, (server(2),))).verdict == "Pass"
    assert verdict("restarts", seen(facts(0, restarts=2), 0, (server(3),))).verdict == "Fail"


@pytest.mark.parametrize("reason", ["ModelNotFound", "WarmUpFailed", "ExecutionProviderUnavailable"])
def test_a_pod_that_cannot_start_gives_its_own_reason(reason: str) -> None:
    bad = pod("c9", init=(container("fetch", failed(reason)),))
    found = verdict("readiness", seen(PREFLIGHT, 0, (bad,)))
    assert (found.verdict, found.reason, found.message) == ("Fail", reason, "in words")


def test_what_somebody_may_still_add_is_waited_for() -> None:
    waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s3" not found'}}
    found = verdict("readiness", seen(PREFLIGHT, 0, (pod("c9", init=(container("fetch", waiting),)),)))
    assert found.verdict == "Unknown"


def test_every_failure_has_a_reason_and_a_message() -> None:
    assert [check(seen(PREFLIGHT, 1)).check for check in CHECKS] == ["readiness", "restarts", "errors"]


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 1), (4, 2), (9, 5), (10, 10), (49, 20), (999, 500)])
def test_counts_in_the_status_change_rarely(count: int, shown: int) -> None:
    assert rounded(count) == shown
