"""The invariants that the sweeps check: each finds what it is there for, and nothing in what is well."""

import json
from typing import Any

import pytest

from tests.integration.history import violations
from tests.integration.invariants import Object, State, of_claim, of_state, of_step

REVISION = "onnx-operator.dev/revision"
A, B = "digits-a", "digits-b"
DIGEST, OTHER = "sha256:1", "sha256:2"


def model(pods: int = 2, ready: str = "True", **changes: Any) -> Object:
    made: Object = {
        "kind": "ONNXModel",
        "metadata": {
            "name": "digits",
            "generation": 3,
            "managedFields": [{"manager": "onnx-operator", "subresource": "status", "fieldsV1": {"f:status": {}}}],
        },
        "spec": {"scaling": {"minReplicas": pods}},
        "status": {
            "observedGeneration": 3,
            "stableRevision": A,
            "conditions": [{"type": "Ready", "status": ready, "observedGeneration": 3}],
        },
    }
    for part, content in changes.items():
        made[part] = {**made[part], **content}
    return made


def entry(revision: str = A) -> Object:
    return {"kind": "Service", "metadata": {"name": "digits"}, "spec": {"selector": {REVISION: revision}}}


def revision(name: str = A, digest: str | None = DIGEST) -> Object:
    annotations = {"onnx-operator.dev/digest": digest} if digest else {}
    return {"kind": "ControllerRevision", "metadata": {"name": name, "annotations": annotations}}


def in_rollout(rejected: bool = False, **facts: Any) -> Object:
    made = revision(B)
    made["metadata"]["annotations"]["onnx-operator.dev/rollout"] = json.dumps(facts)
    if rejected:
        made["metadata"]["annotations"]["onnx-operator.dev/rejected"] = "{}"
    return made


def deployment(name: str = A, replicas: int = 2, image: str = "server:1", uid: str = "1") -> Object:
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "uid": uid, "labels": {REVISION: name}},
        "spec": {"replicas": replicas, "template": {"image": image}},
    }


def pod(name: str, of: str = A, ready: str = "True", digest: str | None = DIGEST, **metadata: str) -> Object:
    message = json.dumps({"digest": digest})
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": {REVISION: of}, **metadata},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "initContainerStatuses": [{"name": "fetch", "state": {"terminated": {"message": message}}}],
        },
    }


def state(*objects: Object) -> State:
    return State.of(objects)


def serving(pods: int = 2, *more: Object, **changes: Any) -> State:
    return state(
        model(**changes), entry(), revision(), deployment(), *(pod(f"a{number}") for number in range(pods)), *more
    )


def test_a_model_that_serves_as_it_should_violates_nothing() -> None:
    assert of_state(serving()) == []
    assert of_step(serving(), serving()) == []
    assert of_claim(serving(), [serving()]) == []


def test_an_empty_namespace_violates_nothing() -> None:
    assert of_state(state()) == []
    assert of_step(serving(), state()) == []
    assert of_claim(state(), [serving()]) == []


def test_a_generation_that_is_not_there_yet_cannot_be_observed() -> None:
    ahead = serving(status={"observedGeneration": 4})
    (found,) = of_state(ahead)
    assert "ahead" in found
    (found,) = of_state(serving(status={"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 4}]}))
    assert "ahead" in found


@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "onnx-operator", "fieldsV1": {"f:status": {}}},
        {"manager": "onnx-operator", "subresource": "status", "fieldsV1": {"f:metadata": {}, "f:status": {}}},
        {"manager": "onnx-operator", "fieldsV1": {"f:spec": {}}},
    ],
)
def test_the_operator_manages_nothing_of_the_model_but_its_status(entry: Object) -> None:
    (found,) = of_state(serving(metadata={"managedFields": [entry]}))
    assert "more of the model" in found


def test_what_others_manage_of_the_model_is_theirs() -> None:
    assert of_state(serving(metadata={"managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]})) == []


def test_ready_pods_of_a_revision_serve_the_same_bytes_and_the_pinned_ones() -> None:
    assert len(of_state(serving(2, pod("other", digest=OTHER)))) == 1
    assert of_state(serving(2, pod("other", ready="False", digest=OTHER))) == []
    alone = state(model(1), entry(), revision(digest=OTHER), deployment(replicas=1), pod("a"))
    assert len(of_state(alone)) == 1


def test_a_revision_stays_at_one_pod_until_it_is_pinned() -> None:
    unpinned = revision(digest=None)
    (found,) = of_state(state(model(), entry(), unpinned, deployment(replicas=2), pod("a")))
    assert "pinned" in found
    assert of_state(state(model(), entry(), unpinned, deployment(replicas=1), pod("a"))) == []
    assert of_state(state(deployment(replicas=2), pod("a"))) == [], "what a deleted model leaves goes in any order"


def test_ready_pods_behind_the_entry_do_not_drop_below_what_is_needed() -> None:
    (found,) = of_step(serving(2), serving(1))
    assert "then 1 of digits-a: 2 needed" in found
    assert len(of_step(serving(2), state(model(), entry(), pod("a0"), pod("a1", deletionTimestamp="now")))) == 1
    assert of_step(serving(3), serving(2)) == []
    assert of_step(serving(1), serving(1)) == []
    assert of_step(serving(2), serving(0, spec={"state": "Suspended"})) == []


def test_what_the_test_damages_itself_is_nobody_elses_fault() -> None:
    assert of_step(serving(2), serving(1), frozenset({("Deployment", A)})) == []
    assert of_step(serving(2), serving(1), frozenset({("Service", "digits")})) == []
    assert len(of_step(serving(2), serving(1), frozenset({("Service", A)}))) == 1


def test_the_entry_is_led_only_to_a_revision_with_as_many_ready_pods_as_are_needed() -> None:
    candidate = [revision(B), deployment(B), pod("b0", B)]

    def led(*pods: Object) -> State:
        return state(model(), entry(B), *candidate, *pods)

    early = of_step(serving(2, *candidate), led())
    assert any("was led to digits-b with 1 of 2" in found for found in early)
    assert of_step(serving(1, *candidate), led())[0].startswith("the entry was led")
    assert of_step(serving(2, *candidate, pod("b1", B)), led(pod("b1", B))) == []
    # Nobody served before, so nobody loses anything.
    assert of_step(serving(0, *candidate), led()) == []


def test_a_deployment_changes_in_nothing_but_its_replicas() -> None:
    before = state(model(), deployment())
    assert of_step(before, state(model(), deployment(replicas=5))) == []
    (found,) = of_step(before, state(model(), deployment(image="server:2")))
    assert "more than its replicas" in found
    assert of_step(before, state(model(), deployment(image="server:2", uid="2"))) == []
    assert of_step(before, state(model(), deployment(image="server:2")), frozenset({("Deployment", A)})) == []


def test_ready_is_claimed_only_of_what_was_ready_lately() -> None:
    assert len(of_claim(serving(0), [serving(0)])) == 1
    assert of_claim(serving(0), [serving(1), serving(0)]) == []
    assert of_claim(serving(0, ready="False"), [serving(0)]) == []
    assert len(of_claim(serving(0), [serving(0, pod("b0", B))])) == 1


def test_a_course_is_checked_state_by_state_and_claims_against_the_last_second() -> None:
    claims, waits = serving(0), serving(0, ready="False")
    assert violations([(0.0, waits), (1.0, serving(2))]) == []
    assert [found.partition(":")[0] for found in violations([(0.0, waits), (0.1, claims)])] == ["state 1 of 2"]
    # A claim that was not renewed is as old as it is.
    course = [
        (0.0, serving(2)),
        (5.0, serving(2, spec={"state": "Suspended"})),
        (9.0, serving(0, spec={"state": "Suspended"})),
    ]
    assert violations(course) == []
    late = serving(0, spec={"state": "Suspended"}, status={"observedGeneration": 2})
    assert violations([*course, (9.5, late)]) == []
    assert len(violations([*course, (11.0, late)])) == 1


@pytest.mark.parametrize(
    ("candidate", "replicas", "words"),
    [
        (in_rollout(weight=25), 1, ""),
        (in_rollout(weight=25), 0, "is scaled to 0"),
        (in_rollout(weight=0, over=True), 0, ""),
        (in_rollout(weight=100, over=True), 0, ""),
        (in_rollout(rejected=True, weight=0, over=True), 1, ""),
        (in_rollout(rejected=True, weight=25, over=True), 1, "is rejected"),
        (revision(B), 0, ""),
    ],
)
def test_what_gets_requests_by_order_has_pods_and_was_not_rejected(
    candidate: Object, replicas: int, words: str
) -> None:
    found = of_state(serving(2, candidate, deployment(B, replicas)))
    assert len(found) == bool(words)
    assert all(words in sentence for sentence in found)
