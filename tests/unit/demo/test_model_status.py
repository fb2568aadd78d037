from typing import Any

from demo.model_status import ModelStatus


def _model(generation: int = 1, **status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": generation}, "status": {"observedGeneration": 1, **status}}


def _condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


READY = _condition("Ready", "True", "Answering", "digits-abc answers with 2 of 2 pods.")
SERVING: dict[str, Any] = {
    "stableRevision": "digits-abc",
    "revisions": [
        {"name": "digits-xyz", "uri": "s3://b/2", "digest": None, "ready": 0},
        {"name": "digits-abc", "uri": "s3://b/1", "digest": "sha256:00", "ready": 2},
    ],
}


def test_a_model_without_status_is_nothing_yet() -> None:
    status = ModelStatus.of({"metadata": {"generation": 1}})
    assert not status.settled
    assert (status.stable, status.uri, status.digest, status.pods) == ("", "", "", 0)
    assert status.line == "the operator has not seen this change yet"


def test_a_status_about_an_older_spec_is_not_settled() -> None:
    conditions = [READY, _condition("Reconciling", "False"), _condition("Stalled", "False")]
    assert ModelStatus.of(_model(conditions=conditions, **SERVING)).settled
    assert not ModelStatus.of(_model(2, conditions=conditions, **SERVING)).settled


def test_what_serves_is_the_stable_revision() -> None:
    status = ModelStatus.of(_model(conditions=[READY], **SERVING))
    assert (status.stable, status.uri, status.digest, status.pods) == ("digits-abc", "s3://b/1", "sha256:00", 2)


def test_stalled_says_more_than_reconciling_and_that_more_than_ready() -> None:
    stalled = _condition("Stalled", "True", "ModelNotFound", "there is nothing")
    moving = _condition("Reconciling", "True", "RollingOut", "1 of 2")
    assert ModelStatus.of(_model(conditions=[READY, stalled])).line == "Stalled: ModelNotFound. there is nothing"
    assert ModelStatus.of(_model(conditions=[READY, moving])).line == "Reconciling: RollingOut. 1 of 2"
    assert ModelStatus.of(_model(conditions=[READY])).line.startswith("Ready: Answering.")


def test_a_rollout_that_runs_says_more_than_its_condition() -> None:
    moving = _condition("Reconciling", "True", "RollingOut", "step 2 of 4")
    rollout = {"phase": "Progressing", "progress": "2/4", "appliedWeight": 25, "message": "The step lasts 5 seconds."}
    status = ModelStatus.of(_model(conditions=[READY, moving], rollout=rollout, **SERVING))
    assert status.line == "█████░░░░░░░░░░░░░░░  25 % Progressing 2/4: The step lasts 5 seconds."
    stalled = _condition("Stalled", "True", "CandidateRestarted", "it crashed")
    taken_back = ModelStatus.of(_model(conditions=[READY, stalled], rollout={**rollout, "phase": "Aborted"}))
    assert taken_back.line == "Stalled: CandidateRestarted. it crashed"


def test_a_model_that_serves_and_is_stuck_is_not_settled() -> None:
    stalled = _condition("Stalled", "True", "ModelNotFound", "")
    assert not ModelStatus.of(_model(conditions=[READY, stalled], **SERVING)).settled
