"""The HorizontalPodAutoscaler of the serving revision."""

from typing import Any

from onnx_operator import names
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed, Revision


def horizontal_pod_autoscaler(observed: Observed, revision: Revision) -> dict[str, Any]:
    """Return the autoscaler. It counts the server container alone, so that no sidecar moves it."""
    scaling = observed.spec.scaling
    if scaling.target is None or scaling.maxReplicas is None:
        raise ValueError("the spec asks for no autoscaling")
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": revision.name},
        "minReplicas": scaling.minReplicas,
        "maxReplicas": scaling.maxReplicas,
        "metrics": [
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "cpu",
                    "container": names.SERVER_CONTAINER,
                    "target": {"type": "Utilization", "averageUtilization": scaling.target.cpuPercent},
                },
            }
        ],
    }
    if scaling.behavior:
        spec["behavior"] = scaling.behavior
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(observed, revision.name, revision.name),
        "spec": spec,
    }
