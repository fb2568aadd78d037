from dataclasses import replace
from typing import Any

from onnx_operator.api.status import Status
from onnx_operator.decide.conditions import Verdict, conditions
from onnx_operator.decide.roles import plan
from onnx_operator.report.events import event_manifest
from onnx_operator.report.news import news
from onnx_operator.report.status import conditions_of, status_manifest, status_of
from tests.unit.operator.situations import (
    EARLIER,
    SIGNATURE,
    UID,
    digest,
    name_of,
    observed,
    ready_pod,
    revision,
    spec,
)

Object = dict[str, Any]

V1, V2 = (f"s3://models/digits/{n}/" for n in (1, 2))
OLD, NEW = name_of(spec(V1)), name_of(spec(V2))


def condition(type_: str, status: str, reason: str = "R", since: str = "2026-01-01T00:00:00Z") -> Object:
    return {"type": type_, "status": status, "reason": reason, "lastTransitionTime": since, "message": "m"}


def status(ready: str = "True", stalled: str = "False", why: str = "NoFailure", stable: str | None = OLD) -> Object:
    made: Object = {
        "conditions": [condition("Ready", ready), condition("Reconciling", "False"), condition("Stalled", stalled, why)]
    }
    return made | ({"stableRevision": stable} if stable else {})


def test_the_status_says_what_is_there() -> None:
    stable, candidate = revision(spec(V1, 2), 1, EARLIER), revision(spec(V2, 2), 2, pinned="b")
    stable = replace(stable, signature=SIGNATURE)
    going = ready_pod("q", deletionTimestamp="2026-11-01T12:00:00Z")
    seen = observed(spec(V2, 2), stable, candidate, pods={OLD: (ready_pod(), going)})
    made = status_of(seen, plan(seen), conditions(seen, plan(seen), None))
    assert made["observedGeneration"] == 3
    assert (made["stableRevision"], made["candidateRevision"]) == (OLD, NEW)
    assert (made["replicas"], made["readyReplicas"]) == (2, 1)
    assert made["url"] == "http://digits.team.svc:8000"
    assert made["signature"] == SIGNATURE
    assert made["revisions"] == [
        {"name": NEW, "uri": V2, "digest": digest("b"), "role": "Candidate", "replicas": 0, "ready": 0},
        {"name": OLD, "uri": V1, "digest": digest("a"), "role": "Stable", "replicas": 2, "ready": 1},
    ]
    assert [c["type"] for c in made["conditions"]] == ["Ready", "Reconciling", "Stalled"]
    Status.model_validate(made)


def test_an_unmanaged_models_status_lists_only_what_is() -> None:
    seen = observed(spec(V2, state="Unmanaged"), revision(spec(V1), 1, EARLIER))
    made = status_of(seen, plan(seen), conditions(seen, plan(seen), None))
    assert [r["name"] for r in made["revisions"]] == [OLD]
    assert made["candidateRevision"] == NEW


def test_a_conditions_time_is_kept_until_its_status_changes() -> None:
    before = {"conditions": [condition("Ready", "True"), condition("Stalled", "False")]}
    verdicts = (
        Verdict("Ready", True, "Other", "reason"),
        Verdict("Stalled", True, "R", "m"),
        Verdict("New", False, "R", "m"),
    )
    times = {c.type: c.lastTransitionTime for c in conditions_of(before, 9, verdicts, "2026-11-01T12:00:00Z")}
    assert times == {
        "Ready": "2026-01-01T00:00:00Z",
        "Stalled": "2026-11-01T12:00:00Z",
        "New": "2026-11-01T12:00:00Z",
    }
    assert {c.observedGeneration for c in conditions_of(before, 9, verdicts, "2026-11-01T12:00:00Z")} == {9}


def test_a_message_that_nobody_reads_to_its_end_is_cut() -> None:
    (made,) = conditions_of({}, 1, (Verdict("Ready", False, "R", "x" * 5000),), "2026-11-01T12:00:00Z")
    assert len(made.message) == 1024


def test_an_unchanged_status_is_no_news() -> None:
    assert news(status(), status()) == []
    stuck = status(stalled="True", why="ModelNotFound")
    assert news(stuck, stuck) == []


def test_the_first_answer_is_news() -> None:
    told = news({}, status())
    assert [(type_, reason) for type_, reason, _ in told] == [("Normal", "Ready")], "one word says all"
    promoted = news({**status(), "stableRevision": "digits-other"}, status())
    assert [(type_, reason) for type_, reason, _ in promoted] == [("Normal", "Promoted")]


def test_a_new_failure_is_a_warning_once() -> None:
    told = news(status(), status(stalled="True", why="ModelNotFound"))
    assert told == [("Warning", "ModelNotFound", "m")]
    other = news(status(stalled="True", why="ModelNotFound"), status(stalled="True", why="AccessDenied"))
    assert [reason for _, reason, _ in other] == ["AccessDenied"]


def test_losing_the_last_pod_is_a_warning() -> None:
    assert [(t, r) for t, r, _ in news(status(), status(ready="False"))] == [("Warning", "NotReady")]
    assert news({}, status(ready="False", stable=None)) == [], "it was never ready"


def test_a_promotion_is_news() -> None:
    assert [reason for _, reason, _ in news(status(), status(stable=NEW))] == ["Promoted"]


def test_the_status_is_written_to_the_version_of_the_model_that_it_is_about() -> None:
    model = {"metadata": {"name": "digits", "namespace": "team", "resourceVersion": "7", "labels": {"not": "ours"}}}
    manifest = status_manifest(model, {"url": "u"})
    assert manifest["metadata"] == {"name": "digits", "namespace": "team", "resourceVersion": "7"}
    assert "spec" not in manifest


def test_an_event_is_about_the_model() -> None:
    model = {"metadata": {"name": "digits", "namespace": "team", "uid": UID}}
    event = event_manifest(model, "Warning", "ModelNotFound", "m" * 2000, "2026-11-01T12:00:00Z", "abc")
    assert event["metadata"] == {"name": "digits.abc", "namespace": "team"}
    assert event["involvedObject"]["uid"] == UID
    assert len(event["message"]) == 1024
