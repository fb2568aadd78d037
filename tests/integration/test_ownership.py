"""Whose is what: edits are repaired, what others applied is left to them, lost objects come back as they were.

A real API server; nodes and pods are played by KWOK.
"""

import contextlib
import threading

import pytest

from tests.cluster.rest import Object, RestError
from tests.e2e.kubectl import condition, eventually, settled, stalled
from tests.integration.audit import Audit, said
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator
from tests.integration.scenarios import AT_ONCE

URI = "s3://models/digits/1/model.onnx"
OWNED = ("ControllerRevision", "ConfigMap", "Service", "Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler")
MANAGED = "app.kubernetes.io/managed-by=onnx-operator"


@pytest.fixture
def digits(operator: OperatorProcess, namespace: Namespace) -> Object:
    """A settled model with one object of each kind that the operator makes."""
    namespace.model(
        "digits",
        model={"uri": URI},
        rollout=AT_ONCE,
        resources={"requests": {"cpu": "100m"}},
        scaling={"minReplicas": 2, "maxReplicas": 3, "target": {"cpuPercent": 80}},
    )
    namespace.wait("ONNXModel", "digits", settled)
    operator.wait_idle()
    return namespace.wait("ONNXModel", "digits", lambda model: "signature" in model["status"])


def applied_by(manager: str, namespace: Namespace, manifest: Object) -> None:
    """Apply a part of an object as another tool that insists on it."""
    path = namespace.path(manifest["kind"], manifest["metadata"]["name"])
    query = {"fieldManager": manager, "force": "true"}
    namespace.rest.call("PATCH", path, manifest, content_type="application/apply-patch+yaml", query=query)


def elsewhere(name: str, color: str) -> Object:
    selector = {"color": color}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"selector": selector}}


def test_an_apply_that_names_a_version_makes_a_missing_object_and_changes_none(namespace: Namespace) -> None:
    """What ADR 4 rests on, asked of the API server itself."""
    path = namespace.path("ConfigMap", "once")
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "once", "resourceVersion": "1"}}
    query = {"fieldManager": "onnx-operator", "force": "false"}

    def make(data: dict[str, str]) -> None:
        manifested = {**manifest, "data": data}
        namespace.rest.call("PATCH", path, manifested, content_type="application/apply-patch+yaml", query=query)

    make({"a": "1"})
    for data in ({"a": "1"}, {"b": "2"}):
        with pytest.raises(RestError) as refused:
            make(data)
        assert refused.value.code == 409
    found = namespace.get("ConfigMap", "once")
    assert found is not None
    assert found["data"] == {"a": "1"}


def test_each_owned_object_comes_back_as_it_was_when_it_is_deleted(namespace: Namespace, digits: Object) -> None:
    def essence() -> dict[str, object]:
        found = [obj for kind in OWNED for obj in namespace.list(kind, MANAGED)]
        return {f"{obj['kind']}/{obj['metadata']['name']}": _essence(obj) for obj in found}

    before = essence()
    assert {key.partition("/")[0] for key in before} == set(OWNED)
    for kind, _, name in [key.partition("/") for key in before]:
        gone = namespace.get(kind, name)
        assert gone is not None
        namespace.delete(kind, name)

        def is_back(kind: str = kind, name: str = name, uid: str = gone["metadata"]["uid"]) -> bool:
            found = namespace.get(kind, name)
            return found is not None and found["metadata"]["uid"] != uid

        eventually(f"{kind} {name} is made anew", is_back)
        namespace.wait("ONNXModel", "digits", settled)

    eventually("all is as it was", lambda: essence() == before)
    assert essence() == before


def _essence(obj: Object) -> Object:
    theirs = ("promoted-at", "deployment.kubernetes.io/")
    annotations = obj["metadata"].get("annotations", {})
    ours = {key: text for key, text in annotations.items() if not any(part in key for part in theirs)}
    return {"data": obj.get("data"), "template": obj.get("spec", {}).get("template"), "annotations": ours}


def test_pods_outlive_the_loss_of_their_controller_revision_and_another_default_image(
    start_operator: StartOperator, operator: OperatorProcess, namespace: Namespace, digits: Object
) -> None:
    pods = {pod["metadata"]["uid"] for pod in namespace.list("Pod")}
    operator.stop()
    for revision in namespace.list("ControllerRevision", MANAGED):
        namespace.delete("ControllerRevision", revision["metadata"]["name"])
    later = start_operator("--server-image", "registry.example.com/onnx-operator/server:newer", "--drain", "9")
    later.wait_leading()
    eventually("the revision is read back", lambda: namespace.list("ControllerRevision", MANAGED))
    later.wait_idle()
    namespace.wait("ONNXModel", "digits", settled)
    assert {pod["metadata"]["uid"] for pod in namespace.list("Pod")} == pods
    (deployment,) = namespace.list("Deployment")
    assert deployment["metadata"]["generation"] == 2, "made, and scaled once"


def test_what_another_manager_applied_is_left_to_it_and_told(
    operator: OperatorProcess, namespace: Namespace, digits: Object, audit: Audit
) -> None:
    applied_by("argocd-controller", namespace, elsewhere("digits", "blue"))
    model = namespace.wait("ONNXModel", "digits", stalled("FieldConflict"))
    message = condition(model, "Stalled")["message"]
    assert "argocd-controller" in message
    assert "Service digits" in message
    assert "selector" in message
    service = namespace.get("Service", "digits")
    assert service is not None
    assert service["spec"]["selector"]["color"] == "blue"

    operator.wait_idle()
    quiet, looked = audit.position(), operator.reconciles()
    namespace.patch("ONNXModel", "digits", {"metadata": {"annotations": {"look": "again"}}})
    operator.wait_idle(more_than=looked)
    assert said(audit.writes(quiet, namespace=namespace.name)) == [], "it is not fought"

    namespace.delete("Service", "digits")  # the other manager lets go
    namespace.wait("ONNXModel", "digits", settled)


def test_an_edit_of_the_entry_is_taken_back(namespace: Namespace, digits: Object) -> None:
    namespace.patch("Service", "digits", {"spec": {"selector": {"onnx-operator.dev/revision": "elsewhere"}}})
    serving = digits["status"]["stableRevision"]
    namespace.wait("Service", "digits", lambda found: found["spec"]["selector"].get(REVISION) == serving)


REVISION = "onnx-operator.dev/revision"


def test_a_fight_is_no_hot_loop_and_is_told(
    operator: OperatorProcess, namespace: Namespace, digits: Object, audit: Audit
) -> None:
    over = threading.Event()

    def fight() -> None:
        while not over.is_set():
            namespace.patch("Service", "digits", {"spec": {"selector": {REVISION: "elsewhere"}}})
            over.wait(0.01)

    began = audit.position()
    fighter = threading.Thread(target=fight)
    fighter.start()
    try:
        model = namespace.wait(
            "ONNXModel", "digits", lambda found: condition(found, "Reconciling").get("reason") == "ChangedBack"
        )
        assert "Service digits" in condition(model, "Reconciling")["message"]
        writes = [w for w in audit.writes(began, namespace=namespace.name) if w["objectRef"]["resource"] == "services"]
        assert len(writes) < 60, "twenty repairs at once, then one a second"
    finally:
        over.set()
        fighter.join()
    namespace.wait("ONNXModel", "digits", settled)


def test_a_frozen_file_with_other_contents_is_made_anew(namespace: Namespace, digits: Object) -> None:
    (frozen,) = [found for found in namespace.list("ConfigMap", MANAGED) if found.get("immutable")]
    name, text = frozen["metadata"]["name"], frozen["data"]["server.yaml"]
    kept = ("name", "labels", "ownerReferences")
    metadata = {field: frozen["metadata"][field] for field in kept}
    namespace.delete("ConfigMap", name)
    forged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, "data": {"x": "y"}}
    with contextlib.suppress(RestError):  # or the operator is quicker, and it is as it should be already
        namespace.rest.create(namespace.path("ConfigMap"), forged)
    namespace.wait("ConfigMap", name, lambda found: found["data"] == {"server.yaml": text})
    namespace.wait("ONNXModel", "digits", settled)


def test_a_refresh_rolls_to_todays_defaults_and_is_answered_once(
    start_operator: StartOperator, operator: OperatorProcess, namespace: Namespace, digits: Object, audit: Audit
) -> None:
    first = digits["status"]["stableRevision"]
    operator.stop()
    newer = "registry.example.com/onnx-operator/server:newer"
    later = start_operator("--server-image", newer)
    later.wait_leading()
    later.wait_idle()
    assert namespace.wait("ONNXModel", "digits", settled)["status"]["stableRevision"] == first

    def ask(action: str) -> None:
        namespace.patch("ONNXModel", "digits", {"metadata": {"annotations": {"onnx-operator.dev/action": action}}})

    ask("refresh@digits-nobody#1")
    model = namespace.wait("ONNXModel", "digits", lambda found: found["status"].get("lastAction"))
    assert model["status"]["lastAction"]["result"] == "Ignored"

    ask(f"refresh@{first}#1")
    model = namespace.wait(
        "ONNXModel", "digits", lambda found: settled(found) and found["status"]["stableRevision"] != first
    )
    assert model["status"]["lastAction"]["result"] == "Accepted"
    serving = model["status"]["stableRevision"]
    deployment = namespace.get("Deployment", serving)
    assert deployment is not None
    assert {c["image"] for c in deployment["spec"]["template"]["spec"]["containers"]} == {newer}
    digests = {revision["digest"] for revision in model["status"]["revisions"]}
    assert len(digests) == 1, "the same bytes"
    reasons = {event["reason"] for event in namespace.list("Event")}
    assert {"ActionAccepted", "ActionIgnored", "Promoted"} <= reasons

    # Without the annotation, and after a restart, it stays.
    namespace.patch("ONNXModel", "digits", {"metadata": {"annotations": {"onnx-operator.dev/action": None}}})
    # No metrics are served here, and the autoscaler says so after a while, which is told.
    namespace.wait("ONNXModel", "digits", lambda found: "does not scale" in found["status"]["scaling"]["message"])
    later.wait_idle()
    later.stop()
    quiet = audit.position()
    another = start_operator("--server-image", newer)
    another.wait_leading()
    another.wait_idle()
    assert said(audit.writes(quiet, namespace=namespace.name)) == []
    assert namespace.wait("ONNXModel", "digits", settled)["status"]["stableRevision"] == serving
