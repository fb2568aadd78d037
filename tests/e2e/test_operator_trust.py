"""What lets a platform team leave the operator alone: repair, clean ends, quiet rest, crashes that change nothing."""

import json
import time
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from onnx_operator.kube import kinds
from tests.cluster import Cluster
from tests.e2e.conftest import operator_writes
from tests.e2e.kubectl import Kubectl, Object, condition, entry, eventually, settled, stalled
from tests.e2e.models import Store, first_answer, onnx_model, scale_model
from tests.e2e.release import Release
from tests.e2e.replicas import Replicas

OWNED = ",".join([*(kind.plural for kind in kinds.OWNED), "replicasets", "pods"])
MODEL_LABEL = "onnx-operator.dev/model"
OURS = "app.kubernetes.io/managed-by=onnx-operator"
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.yaml"))


def test_what_is_deleted_or_changed_by_hand_is_repaired(kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("sturdy", store.put("model.onnx", scale_model(2.0)), scaling={"minReplicas": 2}))
    revision = kubectl.wait("onnxmodel", "sturdy", settled)["status"]["stableRevision"]
    kubectl("delete", "deployment", revision)
    kubectl("delete", "service", "sturdy", revision)
    kubectl("delete", "configmap", revision, f"{revision}-live")
    eventually("the Deployment is back", lambda: kubectl.find("deployment", revision))
    kubectl.wait("onnxmodel", "sturdy", lambda m: settled(m) and m["status"]["readyReplicas"] == 2)
    eventually("its configuration is back", lambda: kubectl.find("configmap", revision))
    eventually("its live configuration is back", lambda: kubectl.find("configmap", f"{revision}-live"))
    eventually("the entry is back", lambda: kubectl.find("service", "sturdy"))

    kubectl("scale", "deployment", revision, "--replicas=5")
    kubectl.patch("service", "sturdy", {"spec": {"selector": {"app": "elsewhere"}}})
    kubectl("set", "image", f"deployment/{revision}", "server=localhost/evil:1")
    kubectl.wait("deployment", revision, lambda d: d["spec"]["replicas"] == 2)
    kubectl.wait("deployment", revision, lambda d: "evil" not in str(d["spec"]))
    kubectl.wait("service", "sturdy", lambda s: "onnx-operator.dev/revision" in s["spec"]["selector"])
    kubectl.wait("onnxmodel", "sturdy", lambda m: settled(m) and m["status"]["readyReplicas"] == 2)
    assert first_answer(entry(kubectl, "sturdy"), "sturdy") == 2.0


def test_deleting_a_model_leaves_nothing_of_ours_and_touches_nothing_else(kubectl: Kubectl, store: Store) -> None:
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "b"}}
    kubectl.apply(foreign)
    scaling = {"minReplicas": 2, "maxReplicas": 3, "target": {"cpuPercent": 50}}
    kubectl.apply(onnx_model("leaving", store.put("model.onnx", scale_model(2.0)), scaling=scaling))
    kubectl.wait("onnxmodel", "leaving", settled)
    there = {obj["kind"] for obj in kubectl.list(OWNED, OURS)}
    assert there == {kind.kind for kind in kinds.OWNED} | {"ReplicaSet", "Pod"}, "one of each kind is there to go"
    before = kubectl.get("configmap", "mine")
    kubectl("delete", "onnxmodel", "leaving", "--timeout=20s")
    eventually("nothing of ours is left", lambda: not kubectl.list(OWNED, OURS))
    assert kubectl.get("configmap", "mine") == before


def test_a_foreign_object_of_our_name_is_named_and_left_alone(kubectl: Kubectl, store: Store) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "taken"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "other"}},
    }
    kubectl.apply(foreign)
    before = kubectl.get("service", "taken")
    kubectl.apply(onnx_model("taken", store.put("model.onnx", scale_model(2.0))))
    model = kubectl.wait("onnxmodel", "taken", stalled("NameConflict"))
    assert "Service taken" in condition(model, "Stalled")["message"]
    assert kubectl.get("service", "taken") == before
    kubectl("delete", "onnxmodel", "taken")
    eventually("nothing of ours is left", lambda: not kubectl.list(OWNED, OURS))
    assert kubectl.get("service", "taken")["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_second_reconcile_writes_nothing(cluster: Cluster, operator: Kubectl, kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("quiet", store.put("model.onnx", scale_model(2.0)), scaling={"minReplicas": 2}))
    kubectl.wait("onnxmodel", "quiet", lambda m: settled(m) and "signature" in m["status"])
    time.sleep(3)  # the last events of its pods
    replicas = Replicas(operator)
    leader = replicas.wait_leader()
    reconciled = replicas.reconciled(leader)
    before = len(_writes_in(cluster, kubectl.namespace))
    assert before, "the audit log shows the operator's writes"
    kubectl("annotate", "onnxmodel", "quiet", "looked-at=now")
    reconciled = replicas.reconciled(leader, more_than=reconciled)
    kubectl("label", "pods", "--all", "looked-at=now")
    replicas.reconciled(leader, more_than=reconciled)
    time.sleep(1)  # until what a reconcile wrote is in the audit log
    assert _writes_in(cluster, kubectl.namespace)[before:] == []
    assert replicas.leader() == leader, "the same replica led all the time"


def test_a_model_comes_to_the_same_end_though_each_leader_is_deleted_by_force(
    operator: Kubectl, kubectl: Kubectl, store: Store
) -> None:
    """The crash after each single write is tests/integration/test_crash_points.py; here the Lease passes on."""
    uri = store.put("v1/model.onnx", scale_model(2.0))
    replicas = Replicas(operator)
    eventually("two replicas are ready", lambda: len(replicas.ready()) == 2)
    leader = replicas.wait_leader()
    kubectl.apply(onnx_model("survivor", uri, scaling={"minReplicas": 2}))
    for _ in range(3):
        operator("delete", "pod", leader, "--force", "--grace-period=0")
        leader = replicas.wait_leader()
    kubectl.wait("onnxmodel", "survivor", lambda m: settled(m) and m["status"]["readyReplicas"] == 2)
    assert first_answer(entry(kubectl, "survivor"), "survivor") == 2.0
    kubectl.apply(onnx_model("unharmed", uri, scaling={"minReplicas": 2}))
    kubectl.wait("onnxmodel", "unharmed", lambda m: settled(m) and m["status"]["readyReplicas"] == 2)
    assert _objects(kubectl, "survivor") == _objects(kubectl, "unharmed")


def test_one_replica_leads_and_the_other_takes_over_from_it(operator: Kubectl, kubectl: Kubectl, store: Store) -> None:
    replicas = Replicas(operator)
    eventually("two replicas are ready", lambda: len(replicas.ready()) == 2)
    first = replicas.wait_leader()
    operator("delete", "pod", first, "--force", "--grace-period=0")
    eventually("another replica leads", lambda: replicas.leader() not in ("", first), patience=30)
    kubectl.apply(onnx_model("led", store.put("model.onnx", scale_model(2.0))))
    kubectl.wait("onnxmodel", "led", settled)


def test_the_operator_was_never_refused_by_rbac(cluster: Cluster, release: Release, operator: Kubectl) -> None:
    writes = operator_writes(cluster)
    assert writes, "the audit log shows the operator's writes"
    refused = [
        event
        for event in writes
        if event["responseStatus"]["code"] == 403
        # A namespace that is being deleted takes no new objects; that refusal is not one of RBAC.
        and "because it is being terminated" not in str(event)
        # helm takes roles away before the replicas that had them end.
        and not release.was_changing_rights(datetime.fromisoformat(event["requestReceivedTimestamp"]))
    ]
    assert refused == []
    replicas = Replicas(operator)
    replicas.wait_leader()
    # Reads are not in the audit log.
    for pod in replicas.ready():
        assert replicas.refused_reads(pod["metadata"]["name"]) == {}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_the_api_server_takes_each_sample(sample: Path, kubectl: Kubectl) -> None:
    assert list(yaml.safe_load_all(sample.read_text()))
    kubectl("apply", "--dry-run=server", "-f", str(sample))


def test_there_are_samples() -> None:
    assert SAMPLES


def _writes_in(cluster: Cluster, namespace: str) -> list[Object]:
    return [e for e in operator_writes(cluster) if e["objectRef"].get("namespace") == namespace]


def _objects(kubectl: Kubectl, model: str) -> dict[tuple[str, str], object]:
    """Return what serves a model, without what differs between two models by nature."""
    found: dict[tuple[str, str], object] = {}
    (revision,) = [obj["metadata"]["name"] for obj in kubectl.list("controllerrevisions", f"{MODEL_LABEL}={model}")]
    varying = [revision, revision.rpartition("-")[2], model]
    for obj in kubectl.list("configmaps,services,deployments,poddisruptionbudgets", f"{MODEL_LABEL}={model}"):
        addresses = [obj["spec"]["clusterIP"]] if obj["kind"] == "Service" else []
        text = json.dumps([obj["metadata"]["name"], obj.get("spec"), obj.get("data")], sort_keys=True)
        for part in varying + addresses:
            text = text.replace(part, "*")
        found[obj["kind"], obj["metadata"]["name"].replace(revision, "*").replace(model, "*")] = text
    return found
