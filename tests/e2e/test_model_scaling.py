"""Autoscaling on CPU, seen end to end: a real HorizontalPodAutoscaler, real metrics, real load."""

from tests.e2e.kubectl import Kubectl, entry, eventually, settled
from tests.e2e.models import Store, first_answer, onnx_model, scale_model
from tests.e2e.traffic import Traffic

QUICK = {"scaleUp": {"stabilizationWindowSeconds": 0}, "scaleDown": {"stabilizationWindowSeconds": 0}}


def test_load_brings_pods_and_rest_takes_them_away(kubectl: Kubectl, store: Store) -> None:
    scaling = {"minReplicas": 1, "maxReplicas": 3, "target": {"cpuPercent": 50}, "behavior": QUICK}
    kubectl.apply(onnx_model("busy", store.put("model.onnx", scale_model(2.0)), scaling=scaling))
    model = kubectl.wait("onnxmodel", "busy", settled)
    revision = model["status"]["stableRevision"]
    assert model["status"]["scaling"]["backend"] == "HPA"
    assert first_answer(entry(kubectl, "busy"), "busy") == 2.0
    with Traffic(entry(kubectl, "busy"), "busy", pause=0.0) as traffic:
        kubectl.wait("deployment", revision, lambda d: d["spec"]["replicas"] > 1, patience=180)
        kubectl.wait("onnxmodel", "busy", lambda m: m["status"]["readyReplicas"] > 1)
    assert traffic.lost == []
    kubectl.wait("deployment", revision, lambda d: d["spec"]["replicas"] == 1, patience=180)
    kubectl.wait("onnxmodel", "busy", lambda m: settled(m) and m["status"]["replicas"] == 1)

    kubectl.patch("onnxmodel", "busy", {"spec": {"state": "Suspended"}})
    eventually("no pod is left", lambda: not kubectl.list("pods"))
    assert kubectl.find("hpa", revision) is None, "an autoscaler would bring them back"
    kubectl.patch("onnxmodel", "busy", {"spec": {"state": "Active"}})
    kubectl.wait("onnxmodel", "busy", settled)
    eventually("the autoscaler is back", lambda: kubectl.find("hpa", revision))
