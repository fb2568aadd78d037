"""The events of a rollout: in order, each once, whatever of the status changes besides."""

import itertools
from typing import Any

import pytest

from onnx_operator.report.news import news

Object = dict[str, Any]

OLD, NEW, OTHER = "digits-old", "digits-new", "digits-other"


def rollout(phase: str, step: int = 0, weight: int = 0, applied: int | None = None, **more: Any) -> Object:
    made = {
        "phase": phase,
        "strategy": "Canary",
        "revision": NEW,
        "step": step,
        "steps": 4,
        "weight": weight,
        "appliedWeight": weight if applied is None else applied,
        "startedAt": "2026-11-01T12:00:00Z",
        "message": "in words",
    }
    return made | more


def status(now: Object | None = None, stable: str = OLD, moving: str = "RollingOut", **more: Any) -> Object:
    conditions = [
        {"type": "Ready", "status": "True", "reason": "Answering", "message": "m"},
        {"type": "Reconciling", "status": "True", "reason": moving, "message": "m"},
        {"type": "Stalled", "status": "False", "reason": "NoFailure", "message": "m"},
    ]
    made = {"conditions": conditions, "stableRevision": stable} | ({"rollout": now} if now else {}) | more
    comes = now and now["phase"] in {"Preflight", "Progressing", "Paused", "Promoting"}
    return {"candidateRevision": now["revision"], **made} if now and comes else made


def rejected(reason: str = "ErrorRate", revision: str = NEW) -> Object:
    return {"revision": revision, "reason": reason, "message": "too many", "at": "2026-11-01T12:01:00Z"}


def stalled(made: Object, reason: str) -> Object:
    made["conditions"][2] = {"type": "Stalled", "status": "True", "reason": reason, "message": "m"}
    return made


def told(*course: Object) -> list[str]:
    """Return the reasons of all that is told of a course of statuses."""
    pairs = itertools.pairwise(course)
    return [one.reason for before, after in pairs for one in news(before, after)]


def test_a_promoted_rollout_is_a_story_in_order() -> None:
    assert told(
        status(),
        status(rollout("Preflight")),
        status(rollout("Progressing", 1, 0)),
        status(rollout("Progressing", 1, 5, 0)),
        status(rollout("Progressing", 1, 5)),
        status(rollout("Progressing", 2, 25, 5)),
        status(rollout("Progressing", 2, 25)),
        status(rollout("Paused", 3, 25)),
        status(rollout("Progressing", 4, 25)),
        status(rollout("Promoting", 4, 100)),
        status(rollout("HandingOver", 4, 100), stable=NEW),
        status(stable=NEW),
    ) == [
        "RolloutStarted",
        "StepStarted",
        "WeightSet",
        "StepStarted",
        "WeightSet",
        "StepStarted",
        "Paused",
        "StepStarted",
        "Resumed",
        "WeightSet",
        "Promoted",
        "HandedOver",
    ]


def test_that_nobody_is_answered_is_said_aloud() -> None:
    (one,) = news(status(), status(rollout("Preflight", strategy="Recreate")))
    assert (one.type, one.reason) == ("Warning", "RolloutStarted")
    assert "nobody is answered in between" in one.message


@pytest.mark.parametrize("phase", ["Preflight", "Progressing", "Paused", "Promoting", "HandingOver", "Aborted"])
def test_what_stays_is_no_news(phase: str) -> None:
    one = status(rollout(phase, 2, 25))
    assert told(one, one) == []
    assert told(one, status(rollout(phase, 2, 25, message="others", checks=[{"check": "errors"}]))) == []


def test_an_operator_that_saw_nothing_in_between_leaves_no_chapter_out() -> None:
    assert told(status(), status(rollout("Progressing", 2, 25))) == ["RolloutStarted", "StepStarted", "WeightSet"]


def test_an_abort_is_told_once_with_its_reason() -> None:
    before = status(rollout("Progressing", 2, 25))
    after = stalled(status(rollout("Aborted", 2, 0), rejected=[rejected()]), "ErrorRate")
    (one,) = news(before, after)
    assert (one.type, one.reason) == ("Warning", "Aborted")
    assert "ErrorRate: too many" in one.message
    assert told(after, stalled(status(rejected=[rejected()]), "ErrorRate")) == []


def test_another_trouble_beside_an_abort_is_told() -> None:
    after = stalled(status(rollout("Aborted"), rejected=[rejected()]), "QuotaExceeded")
    assert told(status(rollout("Progressing", 1, 5)), after) == ["Aborted", "QuotaExceeded"]


def test_a_quiet_rollback_is_told_at_its_end() -> None:
    assert told(status(rollout("Progressing", 2, 25)), status(rollout("RollingBack", 2, 0)), status()) == ["RolledBack"]


def test_a_third_version_supersedes_the_second() -> None:
    third = rollout("Preflight", revision=OTHER, startedAt="2026-11-01T12:02:00Z")
    assert told(status(rollout("Progressing", 2, 25)), status(third)) == ["Superseded", "RolloutStarted"]
    not_begun = status(candidateRevision=OTHER)
    assert told(status(rollout("Progressing", 2, 25)), not_begun, status(third)) == ["Superseded", "RolloutStarted"]


def test_a_new_rollout_during_a_hand_over_supersedes_nothing() -> None:
    third = rollout("Preflight", revision=OTHER, startedAt="2026-11-01T12:02:00Z")
    before = status(rollout("HandingOver", 4, 100), stable=NEW)
    assert told(before, status(third, stable=NEW)) == ["RolloutStarted"]


def test_the_same_revision_tried_again_is_another_rollout() -> None:
    before = stalled(status(rejected=[rejected()]), "ErrorRate")
    assert told(before, status(rollout("Preflight", startedAt="2026-11-01T13:00:00Z"))) == ["RolloutStarted"]


def test_missing_capacity_is_told_when_it_begins() -> None:
    waits = status(rollout("Preflight"), moving="CapacityPending")
    assert told(status(rollout("Preflight")), waits) == ["CapacityPending"]
    assert told(waits, waits) == []


def test_an_action_is_told_before_what_comes_of_it() -> None:
    action = {"action": "pause", "result": "Accepted", "message": "paused"}
    before = status(rollout("Progressing", 2, 25))
    assert told(before, status(rollout("Paused", 2, 25), lastAction=action)) == ["ActionAccepted", "Paused"]


def test_an_analysis_without_a_verdict_is_told_once_in_each_step() -> None:
    said: Object = {"inconclusive": "At step 1/4: outputs: 0 of 100 copies."}
    waits = rollout("Progressing", 1)
    paused = rollout("Paused", 1, pausedBy="Inconclusive", **said)
    assert told(status(waits), status(paused), status(paused)) == ["AnalysisInconclusive", "Paused"]
    on = rollout("Progressing", 2, **said)
    again = rollout("Progressing", 3, inconclusive="At step 2/4: errors: 3 of 100 requests.")
    assert told(status(waits), status(on), status(on)) == ["AnalysisInconclusive", "StepStarted"]
    assert told(status(on), status(again)) == ["AnalysisInconclusive", "StepStarted"]
    through = status(rollout("HandingOver", 4, 100, inconclusive="At step 4/4: errors: 3 of 100 requests."), stable=NEW)
    assert told(status(on), through)[0] == "AnalysisInconclusive"


def test_what_is_told_of_an_inconclusive_analysis_says_what_comes_of_it() -> None:
    said: Object = {"inconclusive": "At step 1/4: outputs: 0 of 100 copies."}
    before = status(rollout("Progressing", 1))
    (waits, _) = news(before, status(rollout("Paused", 1, **said)))
    (goes_on, _) = news(before, status(rollout("Progressing", 2, **said)))
    assert waits.message == f"{NEW}: At step 1/4: outputs: 0 of 100 copies. It waits for somebody."
    assert goes_on.message == f"{NEW}: At step 1/4: outputs: 0 of 100 copies. It goes on all the same."
