"""What speaks against a candidate, and what does not."""

from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.api.spec import ModelSource
from onnx_operator.decide.analysis import errors, health, latency, memory, outputs
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.check_status import rounded
from onnx_operator.decide.rollout.conditions import is_failing
from onnx_operator.decide.rollout.holding import holding, is_held, words
from onnx_operator.decide.rollout.judging import judged
from onnx_operator.decide.rollout.progress import seconds_left
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.table import run
from onnx_operator.evidence import Evidence
from onnx_operator.rollout import Arm, Copies, RolloutFacts, SplitState
from tests.unit.operator.situations import container, failed, pod, terminated
from tests.unit.operator.test_rollout_table import (
    ALL,
    COPIED,
    COURSE,
    JUDGING,
    PREFLIGHT,
    QUIET,
    ago,
    copying,
    facts,
    seen,
    split,
)  # fmt: skip

Object = dict[str, Any]


def verdict(of: str, sight: Sight) -> Judgement:
    return next(judgement for judgement in judged(sight) if judgement.check == of)


def said(failed_requests: int, requests: int, own: int = 0, others: int = 3000) -> SplitState:
    told = split(0, requests=requests, errors=failed_requests)
    assert told.evidence is not None
    seen_so = replace(told.evidence, stable_requests=others, stable_errors=own)
    return replace(told, stable=Arm(others, own), evidence=seen_so)


def old(told: SplitState) -> SplitState:
    """Return what a server says that is older than analysis."""
    return replace(told, evidence=None, shadow=None, memory=None)


@pytest.mark.parametrize(
    ("failed_requests", "requests", "own", "others", "expected"),
    [
        (0, 0, 0, 0, "Unknown"),
        (0, 99, 0, 3000, "Unknown"),
        (0, 1000, 0, 3000, "Pass"),
        (50, 1000, 150, 3000, "Pass"),  # the stable revision is no better
        (200, 1000, 0, 3000, "Fail"),
        (300, 1000, 150, 3000, "Fail"),
    ],
)
def test_errors_are_those_above_the_stable_revisions(
    failed_requests: int, requests: int, own: int, others: int, expected: str
) -> None:
    for told in (said(failed_requests, requests, own, others), old(said(failed_requests, requests, own, others))):
        found = verdict("errors", seen(JUDGING, 1, stable=1, splits=(told,)))
        assert (found.check, found.verdict) == ("errors", expected)
        assert found.reason == ("CandidateErrors" if expected == "Fail" else "")


def test_evidence_is_summed_over_the_pods_of_this_rollout_whatever_order_they_go_by() -> None:
    each = said(2, 100)

    def samples(*splits: SplitState | None) -> int | None:
        return verdict("errors", seen(JUDGING, 1, stable=len(splits), splits=splits)).samples

    assert samples(each, each) == 200
    assert samples(each, replace(each, generation=6)) == 200, "it has not heard of the next weight yet"
    assert samples(each, None) == 100
    assert samples(each, replace(each, revision="digits-other")) == 100
    other = replace(each, evidence=replace(each.evidence or Evidence(""), course="another"))
    assert samples(each, other) == 100


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


def not_pulled(reason: str = "ErrImagePull") -> Object:
    waiting = {"waiting": {"reason": reason, "message": "429 Too Many Requests"}}
    return pod("c9", init=(container("fetch", waiting),))


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_a_pull_that_failed_is_tried_again_and_waited_for(reason: str) -> None:
    assert verdict("readiness", seen(PREFLIGHT, 0, (not_pulled(reason),))).verdict == "Unknown"
    scaling_out = seen(facts(2, weight=25), 1, (not_pulled(reason),), splits=ALL)
    assert verdict("readiness", scaling_out).verdict == "Pass"
    assert run(scaling_out).rejection is None


def test_pods_after_the_first_ready_one_may_take_as_long_as_they_take_but_for_an_image() -> None:
    late = facts(2, weight=25, progress_at=ago(5000), unready_since=ago(5000))
    assert seconds_left(seen(late, 1, (pod("c9"),))) is None
    for since, ends in ((599, None), (600, "ProgressDeadlineExceeded")):
        made = not_pulled()
        made["metadata"]["creationTimestamp"] = ago(since)
        rejection = run(seen(late, 1, (made,))).rejection
        assert (rejection and rejection.reason) == ends, "as old as the pod is: another one may just have come"


def test_an_image_that_can_never_be_pulled_ends_at_the_deadline_with_the_remedy() -> None:
    for since, ends in ((599, None), (600, "ProgressDeadlineExceeded")):
        rejection = run(seen(facts(-1, progress_at=ago(since), unready_since=ago(since)), 0, (not_pulled(),))).rejection
        assert (rejection and rejection.reason) == ends
    assert rejection is not None
    assert "429 Too Many Requests Check spec.server.image" in rejection.message


@pytest.mark.parametrize("reason", ["InvalidImageName", "ErrImageNeverPull"])
def test_what_is_no_image_is_not_waited_for(reason: str) -> None:
    found = verdict("readiness", seen(PREFLIGHT, 0, (not_pulled(reason),)))
    assert (found.verdict, found.reason) == ("Fail", "ImagePullFailed")


def test_while_nobody_is_answered_an_image_is_waited_for_only_for_a_moment() -> None:
    for since, expected in ((29, "Unknown"), (30, "Fail")):
        recreate = facts(-1, rollout={"strategy": "Recreate"}, progress_at=ago(since))
        assert verdict("readiness", seen(recreate, 0, (not_pulled(),))).verdict == expected


SHADOW: Object = {"steps": [{"shadow": {"minSamples": 200}}, {"weight": 25}, {"weight": 100}], "stepSeconds": 15}
LEAST = ["golden", "readiness", "restarts"]
COPYING = facts(0, rollout=SHADOW, shadow=100, weighted_at=ago(30))
AFTER = facts(1, rollout=SHADOW, weight=25, weighted_at=ago(30))


def names(sight: Sight) -> list[str]:
    return [judgement.check for judgement in judged(sight)]


def held(sight: Sight) -> set[str]:
    return {judgement.check for judgement in holding(sight)}


def without(*left_out: str) -> RolloutFacts:
    return replace(COPYING, rollout={**SHADOW, "analysis": {"skip": [*left_out]}})


def test_each_check_is_there_where_it_can_say_something() -> None:
    everything = ["golden", "readiness", "restarts", "errors", "health", "outputs", "latency", "memory"]
    assert names(seen(COPYING, 1, splits=COPIED)) == everything
    assert names(seen(JUDGING, 1, splits=ALL)) == [name for name in everything if name not in {"outputs", "health"}]
    assert names(seen(COPYING, 1, splits=COPIED, routing={"provider": "External"})) == LEAST
    assert names(seen(COPYING, 1, splits=tuple(map(old, COPIED)))) == [*LEAST, "errors", "memory"]
    recreate = facts(-1, rollout={"strategy": "Recreate"})
    assert names(seen(recreate, 1, splits=ALL)) == LEAST


def test_what_is_skipped_is_left_out() -> None:
    skipping = without("Errors", "Outputs", "Latency", "Memory")
    assert names(seen(skipping, 1, splits=QUIET)) == LEAST
    assert names(seen(without("Outputs"), 1, splits=QUIET)) == [*LEAST, "errors", "latency", "memory"]
    assert "golden" not in names(seen(without("Golden"), 1, splits=QUIET))


def test_a_breaker_counts_even_where_errors_are_skipped() -> None:
    broken = replace(COPIED[0], breaker="10 of 20 failed")
    sight = seen(without("Errors"), 1, stable=1, splits=(broken,))
    assert verdict("errors", sight).verdict == "Fail"


def test_without_traffic_every_check_of_evidence_holds_a_step_with_a_shadow() -> None:
    assert held(seen(COPYING, 1, splits=QUIET)) >= {"errors", "outputs", "health", "latency"}
    assert held(seen(COPYING, 1, splits=COPIED)) == set()


def test_a_model_without_clients_comes_through_its_shadow_by_what_is_replayed() -> None:
    """Each golden request was run by a stable pod, and copied: 200 of them are 200 of either revision."""

    def replayed(n: int) -> SplitState:
        told = copying(n, samples=50)
        assert told.evidence is not None
        evidence = replace(told.evidence, stable_requests=50, stable_errors=0)
        return replace(told, shadow=Copies(100, 50, compared=50, replayed=50), evidence=evidence)

    sight = seen(COPYING, 1, splits=tuple(map(replayed, range(4))))
    assert held(sight) == set()
    assert verdict("errors", sight).verdict == "Pass"
    assert not held(replace(sight, facts=AFTER, found={}))


def test_outputs_need_as_many_copies_as_the_step_says() -> None:
    few = tuple(copying(n, samples=49) for n in range(4))
    enough = tuple(copying(n, samples=50) for n in range(4))
    assert held(seen(COPYING, 1, splits=few)) >= {"outputs", "health"}
    assert held(seen(COPYING, 1, splits=enough)) == set()
    assert verdict("outputs", seen(COPYING, 1, splits=few)).needed == 200


def test_outputs_hold_nothing_where_no_copies_come_any_more() -> None:
    """A stable pod may have gone with what it had compared: waiting would bring nothing back."""
    quiet = tuple(replace(one, shadow=None) for one in QUIET)
    sight = seen(AFTER, 1, splits=quiet)
    assert verdict("outputs", sight).verdict == "Unknown"
    assert not held(sight) & {"outputs", "health"}


def test_latency_holds_nothing_where_the_stable_revision_answers_nobody() -> None:
    last = facts(2, rollout=SHADOW, weight=100, weighted_at=ago(30))
    quiet = tuple(replace(one, shadow=None) for one in QUIET)
    assert "latency" in held(seen(AFTER, 1, splits=quiet))
    assert "latency" not in held(seen(last, 1, splits=quiet))


def test_what_served_before_is_held_by_nothing() -> None:
    assert held(seen(replace(COPYING, fast=True), 1, splits=QUIET)) == set()


def test_older_servers_hold_nothing() -> None:
    assert held(seen(COPYING, 1, splits=tuple(map(old, QUIET)))) == set()


def test_pods_that_do_not_answer_hold() -> None:
    assert "errors" in held(seen(COPYING, 1, splits=(None,) * 4))


def test_what_the_change_is_decides_whether_outputs_may_move() -> None:
    def moved(n: int) -> SplitState:
        told = copying(n)
        assert told.evidence is not None
        output = replace(told.evidence.outputs[0], equal=200, self_samples=10, self_equal=10)
        return replace(told, evidence=replace(told.evidence, outputs=(output,)))

    splits = tuple(moved(n) for n in range(4))
    model = {"uri": "s3://m/2"}
    sight = seen(COPYING, 1, splits=splits)
    asked = sight.observed.spec.model_copy(
        update={"model": ModelSource.model_validate({**model, "change": "Equivalent"})}
    )
    other = replace(sight, observed=replace(sight.observed, spec=asked), found={})
    assert verdict("outputs", sight).verdict == "Pass"
    assert (verdict("outputs", other).verdict, verdict("outputs", other).reason) == ("Fail", "OutputsDiffer")


def test_a_step_may_ask_for_answers_of_its_own() -> None:
    steps: Object = {"steps": [{"weight": 25, "minSamples": 4000}, {"weight": 100}]}
    judging = replace(JUDGING, rollout=steps)
    assert not is_held(seen(judging, 1, splits=ALL)), "four pods, 1000 each"
    assert is_held(seen(judging, 1, splits=(*ALL[:3], split(3, requests=999))))
    short = seen(judging, 1, splits=(*ALL[:3], split(3, requests=999)))
    assert words(short) == f"3999 of 4000 clients answered by {short.candidate.name}"
    other = (*ALL[:3], replace(ALL[3], generation=6))
    assert is_held(seen(judging, 1, splits=other)), "what was answered by an earlier order is not of this step"


def test_statistics_are_worked_out_once_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    modules = {"errors": errors, "health": health, "latency": latency, "memory": memory, "outputs": outputs}
    for name, module in modules.items():
        real = getattr(module, name)

        def counting(*given: Any, name: str = name, real: Any = real) -> Any:
            counted.append(name)
            return real(*given)

        monkeypatch.setattr(module, name, counting)
    sight = seen(COPYING, 1, splits=COPIED)
    run(sight)
    judged(sight)
    assert sorted(counted) == sorted(modules)


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 1), (4, 2), (9, 5), (10, 10), (49, 20), (999, 500)])
def test_counts_in_the_status_change_rarely(count: int, shown: int) -> None:
    assert rounded(count) == shown


def test_what_fails_anyway_is_no_reason_to_look_more_often() -> None:
    usual = replace(split(0, errors=200), stable=Arm(3000, 600))
    assert not is_failing(seen(JUDGING, 1, splits=(usual,)))
    assert is_failing(seen(JUDGING, 1, splits=(split(0, errors=200),)))


def test_at_a_weight_of_100_errors_hold_only_while_there_is_something_to_compare_with() -> None:
    everything = facts(2, rollout=SHADOW, weight=100, weighted_at=ago(30))
    told = replace(split(0, applied=100, requests=0), weight=100, evidence=Evidence(COURSE, requests=100))
    assert "errors" not in held(seen(everything, 1, stable=1, splits=(told,)))
    nothing = replace(told, evidence=Evidence(COURSE))
    assert "errors" in held(seen(everything, 1, stable=1, splits=(nothing,))), "without traffic it waits"
    compared = replace(told, evidence=Evidence(COURSE, stable_requests=1000, requests=20))
    assert "errors" in held(seen(everything, 1, stable=1, splits=(compared,)))
