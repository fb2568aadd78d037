"""What a server says of the model's own test data: believed as far as it is well-formed, kept, judged, and told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.decide.conditions import conditions
from onnx_operator.decide.golden import golden_of, mismatch
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.roles import plan
from onnx_operator.decide.rollout.checks.golden import golden
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.table import run
from onnx_operator.desired.controller_revision import controller_revision, revision_of
from onnx_operator.report.news import news
from tests.unit.operator.situations import EARLIER, SIGNATURE, name_of, observed, ready_pod, revision, spec
from tests.unit.operator.test_rollout_table import CANDIDATE, JUDGING, PREFLIGHT, PROMOTING, facts, seen

Object = dict[str, Any]

V1 = spec("s3://models/digits/1/")
OLD = name_of(V1)
FAILURE: Object = {"set": "test_data_set_1", "message": "output y: 3 of 10 elements differ, at most by 0.4"}
FAILED: Object = {"sets": 2, "passed": 1, "failures": [FAILURE], "message": ""}
PASSED: Object = {"sets": 2, "passed": 2, "failures": [], "message": ""}
LEFT_OUT: Object = {"sets": 0, "passed": 0, "failures": [], "message": "left out: test_data_set_0; it is too large"}


@pytest.mark.parametrize("reported", [FAILED, PASSED, LEFT_OUT])
def test_what_is_well_formed_is_kept(reported: Object) -> None:
    assert golden_of(reported) == reported
    assert golden_of(golden_of({**reported, "newer": 1})) == reported


def test_servers_need_not_say_more() -> None:
    assert golden_of({"sets": 1, "passed": 1, "failures": []}) == {**PASSED, "sets": 1, "passed": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "text",
        [],
        {},
        {**PASSED, "sets": True},
        {**PASSED, "sets": 2.0},
        {**PASSED, "sets": -1, "passed": -1},
        {**PASSED, "sets": 10**9, "passed": 10**9},
        {**PASSED, "passed": 3},
        {**PASSED, "failures": None},
        {**PASSED, "failures": 1},
        {**PASSED, "message": None},
        {**PASSED, "failures": [FAILURE]},  # they passed, and one failed
        {**FAILED, "failures": []},
        {**FAILED, "failures": ["text"]},
        {**FAILED, "failures": [{"set": "a"}]},
        {**FAILED, "failures": [{"set": "a", "message": 1}]},
        {**FAILED, "failures": "text"},
    ],
)
def test_what_is_malformed_is_as_if_nothing_was_said(wrong: Any) -> None:
    assert golden_of(wrong) is None


def test_what_is_kept_is_short_and_can_be_shown() -> None:
    many = [{"set": f"s{n}\n\x1b[31m", "message": "x" * 100_000} for n in range(50)]
    kept = golden_of({"sets": 50, "passed": 0, "failures": many, "message": "y" * 100_000})
    assert kept is not None
    assert kept["failures"][0]["set"] == "s0  [31m"
    assert len(json.dumps(kept)) < 2000
    assert golden_of(kept) == kept


def test_it_is_learnt_once_and_survives() -> None:
    first = revision(V1, 1, EARLIER)
    learnt = plan(observed(V1, first, reported={OLD: {"golden": FAILED}})).planned(OLD).revision
    assert learnt.golden == FAILED
    kept = revision_of(json.loads(json.dumps(controller_revision(observed(V1), learnt))))
    assert kept.golden == FAILED
    assert plan(observed(V1, kept, reported={OLD: {"golden": PASSED}})).planned(OLD).revision.golden == FAILED
    assert plan(observed(V1, first, reported={OLD: {"golden": "x"}})).planned(OLD).revision == first


def test_what_somebody_broke_is_not_believed() -> None:
    manifest = controller_revision(observed(V1), replace(revision(V1), golden=FAILED))
    manifest["metadata"]["annotations"]["onnx-operator.dev/golden"] = '{"sets": '
    assert revision_of(manifest).golden is None


def test_how_it_fails_in_a_sentence() -> None:
    assert mismatch(None) is mismatch(PASSED) is mismatch(LEFT_OUT) is None
    assert mismatch(FAILED) == (
        "1 of 2 sets of its own test data fail. test_data_set_1: output y: 3 of 10 elements differ, at most by 0.4."
    )


def sight(said: Object | None, step: Any = PREFLIGHT, **more: Any) -> Sight:
    return seen(step, 1, candidate=replace(CANDIDATE, golden=said, **more))


def judged(of: Sight) -> Judgement:
    found = golden(of)
    assert isinstance(found, Judgement)
    return found


@pytest.mark.parametrize(
    ("said", "verdict", "value"),
    [
        (PASSED, "Pass", "2 of 2"),
        (FAILED, "Fail", "1 of 2"),
        (None, "Unknown", None),
        (LEFT_OUT, "Unknown", None),
    ],
)
def test_the_check(said: Object | None, verdict: str, value: str | None) -> None:
    found = judged(sight(said))
    assert (found.verdict, found.value, found.holds) == (verdict, value, False)
    assert bool(found.reason) == (verdict == "Fail")
    assert found.message or verdict == "Pass"


def test_what_served_before_may_serve_again() -> None:
    found = judged(sight(FAILED, promoted_at=EARLIER))
    assert (found.verdict, found.holds) == ("Unknown", False)
    assert "it served before" in found.message
    assert run(sight(FAILED, facts(-1, fast=True), promoted_at=EARLIER)).rejection is None


@pytest.mark.parametrize("step", [PREFLIGHT, JUDGING, PROMOTING, facts(-1, fast=True)])
def test_a_candidate_that_fails_is_taken_back_wherever_that_is_learnt(step: Any) -> None:
    rejection = run(sight(FAILED, step)).rejection
    assert rejection is not None
    assert rejection.reason == "GoldenMismatch"
    assert "1 of 2 sets of its own test data fail. test_data_set_1: output y" in rejection.message
    assert run(sight(PASSED, step)).rejection is None


def ready(said: Object | None) -> Object:
    at = observed(V1, replace(revision(V1, 1, EARLIER), golden=said, signature=SIGNATURE), pods={OLD: (ready_pod(),)})
    made = conditions(at, plan(at), None)
    return {
        "conditions": [
            {"type": v.type, "status": str(v.status), "reason": v.reason, "message": v.message} for v in made
        ],
        "stableRevision": OLD,
    }


def test_a_first_revision_serves_and_says_so() -> None:
    (condition, *_) = ready(FAILED)["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "GoldenMismatch")
    assert condition["message"] == (
        f"{OLD} answers with 1 of 1 pods. But 1 of 2 sets of its own test data fail. "
        "test_data_set_1: output y: 3 of 10 elements differ, at most by 0.4."
    )
    assert ready(PASSED)["conditions"][0]["reason"] == "Answering"


def test_a_warning_is_told_once() -> None:
    told = [one for one in news({}, ready(FAILED)) if one.type == "Warning"]
    assert [(one.reason, "test_data_set_1" in one.message) for one in told] == [("GoldenMismatch", True)]
    assert [one for one in news(ready(FAILED), ready(FAILED)) if one.type == "Warning"] == []
    assert [one for one in news({}, ready(PASSED)) if one.type == "Warning"] == []
