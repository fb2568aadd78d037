"""The ONNXModels that are measured, the objects that the operator makes of one, and where collections are."""

from typing import Any, Final

from tests.integration.namespace import COLLECTIONS

Object = dict[str, Any]

MODEL: Final = "ONNXModel"
OWNED: Final = (
    "ControllerRevision",
    "ConfigMap",
    "Service",
    "Deployment",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
)
OBJECTS: Final = 8
"""Objects of a settled model: two ConfigMaps, two Services, one of each other kind."""

MANAGED: Final = "app.kubernetes.io/managed-by=onnx-operator"
LABEL_MODEL: Final = "onnx-operator.dev/model"

SPEC: Final[Object] = {
    "model": {"uri": "s3://models/digits/1/model.onnx"},
    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    "scaling": {"minReplicas": 1, "maxReplicas": 3, "target": {"cpuPercent": 80}},
    "rollout": {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0},
}
"""One pod and an autoscaler; no declared digest, so the operator pins what the first pod reports.

A new revision takes over as soon as its pods are ready: the steps of a canary would be all that is measured.
"""


def model(name: str, **changes: Any) -> Object:
    """Return an ONNXModel's manifest; `changes` replace parts of the spec."""
    return {
        "apiVersion": "onnx-operator.dev/v1alpha1",
        "kind": MODEL,
        "metadata": {"name": name},
        "spec": {**SPEC, **changes},
    }


def numbered(prefix: str, count: int) -> list[str]:
    """Return names of one length, so that the objects of all have one size."""
    return [f"{prefix}-{number:05}" for number in range(count)]


def path(kind: str, namespace: str, name: str = "") -> str:
    """Return the path of a kind's collection, or of one object."""
    collection = "/" + COLLECTIONS[kind].format(namespace)
    return f"{collection}/{name}" if name else collection
