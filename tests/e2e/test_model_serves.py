"""The main job: a model that is applied answers a standard client, and its status says what a user asks."""

import hashlib
import subprocess
from pathlib import Path

from tests.e2e.conftest import ROOT
from tests.e2e.kubectl import Kubectl, condition, entry, eventually, settled
from tests.e2e.models import Store, first_answer, onnx_model, scale_model


def test_an_applied_model_answers_and_its_status_tells_all(kubectl: Kubectl, store: Store) -> None:
    uri = store.put("v1/model.onnx", scale_model(3.0))
    kubectl.apply(onnx_model("doubler", uri, scaling={"minReplicas": 2}, server={"maxBatchSize": 8}))
    model = kubectl.wait("onnxmodel", "doubler", lambda m: settled(m) and m["status"]["readyReplicas"] == 2)

    assert first_answer(entry(kubectl, "doubler"), "doubler") == 3.0
    status = model["status"]
    (revision,) = status["revisions"]
    assert status["stableRevision"] == revision["name"]
    assert status["stableRevision"].startswith("doubler-")
    assert status["url"] == f"http://doubler.{kubectl.namespace}.svc:8000"
    assert "candidateRevision" not in status
    assert revision["digest"] == f"sha256:{_sha256(scale_model(3.0))}"
    assert (revision["role"], revision["replicas"], revision["ready"]) == ("Stable", 2, 2)
    signature = kubectl.wait("onnxmodel", "doubler", lambda m: "signature" in m["status"])["status"]["signature"]
    assert signature == {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }
    assert kubectl.get("poddisruptionbudget", "doubler")["spec"]["maxUnavailable"] == 1


def test_a_directory_with_a_declared_digest_is_served(kubectl: Kubectl, store: Store) -> None:
    # By bytes "L" comes before "e", and "-" before "/"; the order of a locale, or folder by folder, is another.
    for key, data in {"model.onnx": scale_model(4.0), "extra/b": b"1", "extra-c": b"2", "Labels.txt": b"3"}.items():
        store.put(f"v1/{key}", data)
    declared = _documented_digest(store.folder / "v1")
    kubectl.apply(onnx_model("folder", store.uri("v1/"), model={"sha256": declared}))
    model = kubectl.wait("onnxmodel", "folder", settled)
    assert model["status"]["revisions"][0]["digest"] == f"sha256:{declared}"
    assert first_answer(entry(kubectl, "folder"), "folder") == 4.0


def test_kubectl_shows_what_a_person_asks(kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("shown", store.put("model.onnx", scale_model(1.0))))
    kubectl.wait("onnxmodel", "shown", settled)
    header, row = kubectl("get", "om").splitlines()
    rollout = ["PHASE", "STEP", "WEIGHT"]
    assert header.split() == ["NAME", "READY", "PODS", "SERVING", "CANDIDATE", *rollout, "STATUS", "AGE"]
    assert row.split()[:3] == ["shown", "True", "1"]
    assert "Reconciled" in row
    assert "shown" in kubectl("get", "onnx"), "the category"
    explained = " ".join(kubectl("explain", "onnxmodel.spec.model.uri").split())
    assert "Where the model is" in explained
    events = ("get", "events", "--field-selector", "involvedObject.kind=ONNXModel")
    eventually("an event tells that it is ready", lambda: "answers with 1 of 1 pods" in kubectl(*events))


def test_suspending_keeps_everything_and_resuming_serves_the_same_revision(kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("sleeper", store.put("model.onnx", scale_model(5.0))))
    before = kubectl.wait("onnxmodel", "sleeper", settled)["status"]["stableRevision"]
    kubectl.patch("onnxmodel", "sleeper", {"spec": {"state": "Suspended"}})
    model = kubectl.wait("onnxmodel", "sleeper", lambda m: condition(m, "Reconciling").get("reason") == "Suspended")
    assert condition(model, "Ready")["status"] == "False"
    eventually("no pod is left", lambda: not kubectl.list("pods"))
    kubectl.patch("onnxmodel", "sleeper", {"spec": {"state": "Active"}})
    assert kubectl.wait("onnxmodel", "sleeper", settled)["status"]["stableRevision"] == before
    assert first_answer(entry(kubectl, "sleeper"), "sleeper") == 5.0


def _documented_digest(folder: Path) -> str:
    """Return what the command of docs/contract.md gives in a folder, as anybody computes a directory's digest."""
    command = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum --"
    assert command in (ROOT / "docs/contract.md").read_text()
    lines = subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=True).stdout
    assert len(lines.splitlines()) == 4
    return _sha256(lines)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
