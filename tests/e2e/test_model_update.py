"""New versions: the entry switches when the new one is ready, no request is lost, and the way back is short."""

from collections.abc import Callable

from tests.e2e.kubectl import Kubectl, Object, entry, eventually, settled, stalled
from tests.e2e.models import Store, first_answer, onnx_model, scale_model
from tests.e2e.traffic import Traffic


def serves(uri: str) -> Callable[[Object], bool]:
    """Return a check for a settled model whose stable revision is of a URI."""

    def check(model: Object) -> bool:
        stable = [r for r in model.get("status", {}).get("revisions", []) if r["role"] == "Stable"]
        return settled(model) and bool(stable) and stable[0]["uri"] == uri

    return check


def test_a_new_version_takes_over_without_losing_a_request_and_the_old_one_comes_back(
    kubectl: Kubectl, store: Store
) -> None:
    first, second = store.put("v1/model.onnx", scale_model(1.0)), store.put("v2/model.onnx", scale_model(2.0))
    kubectl.apply(onnx_model("moving", first, scaling={"minReplicas": 2}))
    old = kubectl.wait("onnxmodel", "moving", serves(first))["status"]["stableRevision"]
    assert first_answer(entry(kubectl, "moving"), "moving") == 1.0
    with Traffic(entry(kubectl, "moving"), "moving") as traffic:
        kubectl.patch("onnxmodel", "moving", {"spec": {"model": {"uri": second}}})
        model = kubectl.wait("onnxmodel", "moving", serves(second))
        kubectl.patch("onnxmodel", "moving", {"spec": {"model": {"uri": first}}})
        back = kubectl.wait("onnxmodel", "moving", serves(first))
    assert traffic.lost == []
    assert set(traffic.answers) == {1.0, 2.0}
    assert model["status"]["stableRevision"] != old
    retired = {revision["name"]: revision for revision in model["status"]["revisions"]}[old]
    assert (retired["role"], retired["replicas"]) == ("Retired", 0)
    assert back["status"]["stableRevision"] == old, "the same spec is the same revision"


def test_a_third_version_takes_the_place_of_a_second_that_does_not_come_up(kubectl: Kubectl, store: Store) -> None:
    first, third = store.put("v1/model.onnx", scale_model(1.0)), store.put("v3/model.onnx", scale_model(3.0))
    kubectl.apply(onnx_model("moving", first))
    kubectl.wait("onnxmodel", "moving", serves(first))
    kubectl.patch("onnxmodel", "moving", {"spec": {"model": {"uri": store.uri("v2/model.onnx")}}})
    bad = kubectl.wait("onnxmodel", "moving", stalled("ModelNotFound"))["status"]["candidateRevision"]
    kubectl.patch("onnxmodel", "moving", {"spec": {"model": {"uri": third}}})
    kubectl.wait("onnxmodel", "moving", serves(third))
    assert first_answer(entry(kubectl, "moving"), "moving") == 3.0
    assert kubectl.get("deployment", bad)["spec"]["replicas"] == 0


def test_scaling_changes_no_pod_that_runs(kubectl: Kubectl, store: Store) -> None:
    kubectl.apply(onnx_model("grower", store.put("model.onnx", scale_model(1.0))))
    kubectl.wait("onnxmodel", "grower", settled)
    (pod,) = kubectl.list("pods")
    kubectl.patch("onnxmodel", "grower", {"spec": {"scaling": {"minReplicas": 3}}})
    kubectl.wait("onnxmodel", "grower", lambda m: settled(m) and m["status"]["readyReplicas"] == 3)
    assert pod["metadata"]["uid"] in {found["metadata"]["uid"] for found in kubectl.list("pods")}
    kubectl.patch("onnxmodel", "grower", {"spec": {"scaling": {"minReplicas": 1}}})
    kubectl.wait("onnxmodel", "grower", lambda m: settled(m) and m["status"]["replicas"] == 1)
    eventually("no budget blocks the drain of one pod", lambda: not kubectl.find("pdb", "grower"))


def test_all_pods_of_a_revision_serve_the_bytes_of_its_first(kubectl: Kubectl, store: Store) -> None:
    uri = store.put("model.onnx", scale_model(1.0))
    kubectl.apply(onnx_model("pinned", uri))
    kubectl.wait("onnxmodel", "pinned", settled)
    store.put("model.onnx", scale_model(99.0))
    kubectl.patch("onnxmodel", "pinned", {"spec": {"scaling": {"minReplicas": 2}}})
    model = kubectl.wait("onnxmodel", "pinned", stalled("ContentChanged"))
    assert model["status"]["readyReplicas"] == 1
    assert first_answer(entry(kubectl, "pinned"), "pinned") == 1.0
    with Traffic(entry(kubectl, "pinned"), "pinned") as traffic:
        eventually("a hundred answers", lambda: traffic.answers.total() >= 100)
    assert set(traffic.answers) == {1.0}
    assert traffic.lost == []
