import json
from typing import Any

from onnx_operator.kube.essential import essential
from onnx_operator.kube.kinds import AUTOSCALER, CONFIG_MAP, DEPLOYMENT, MODEL, POD

Object = dict[str, Any]

METADATA: Object = {
    "name": "d",
    "namespace": "n",
    "uid": "u",
    "resourceVersion": "7",
    "generation": 3,
    "annotations": {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "long"},
    "managedFields": [
        {"manager": "onnx-operator", "operation": "Apply", "fieldsV1": {"f:spec": {}}, "time": "x", "apiVersion": "v1"},
        {"manager": "onnx-operator", "operation": "Update", "subresource": "scale", "fieldsV1": {}},
        {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:status": {}}},
    ],
}


def test_of_managed_fields_only_what_we_applied_is_kept() -> None:
    kept = essential(DEPLOYMENT, {"metadata": METADATA, "spec": {"replicas": 1}})
    ours = [{"manager": "onnx-operator", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]
    assert kept["metadata"]["managedFields"] == ours
    assert kept["metadata"]["annotations"] == {"a": "b"}
    assert kept["spec"] == {"replicas": 1}
    assert "generation" not in kept["metadata"]


def test_it_is_the_same_when_done_twice_and_changes_nothing() -> None:
    obj = {"metadata": METADATA, "spec": {}, "status": {"conditions": []}}
    text = json.dumps(obj)
    for kind in (DEPLOYMENT, MODEL, POD, AUTOSCALER, CONFIG_MAP):
        once = essential(kind, obj)
        assert essential(kind, once) == once
    assert json.dumps(obj) == text


def test_counts_and_times_of_a_deployment_are_no_news() -> None:
    def with_status(replicas: int, time: str) -> Object:
        failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota", "lastUpdateTime": time}
        available = {"type": "Available", "status": "False", "lastUpdateTime": time}
        return {"metadata": METADATA, "spec": {}, "status": {"replicas": replicas, "conditions": [failure, available]}}

    assert essential(DEPLOYMENT, with_status(1, "a")) == essential(DEPLOYMENT, with_status(2, "b"))
    kept = essential(DEPLOYMENT, with_status(1, "a"))["status"]
    assert kept == {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]}


def test_of_a_pod_the_status_is_kept_and_the_spec_is_not() -> None:
    pod = {"metadata": METADATA, "spec": {"containers": []}, "status": {"podIP": "10.0.0.1"}}
    kept = essential(POD, pod)
    assert kept["status"] == {"podIP": "10.0.0.1"}
    assert "spec" not in kept


def test_of_a_model_spec_status_and_generation_are_kept() -> None:
    kept = essential(MODEL, {"metadata": METADATA, "spec": {"state": "Active"}, "status": {"url": "u"}})
    assert (kept["spec"], kept["status"], kept["metadata"]["generation"]) == ({"state": "Active"}, {"url": "u"}, 3)
