"""The HorizontalPodAutoscaler of the serving revision."""

from typing import Any

from onnx_operator import names
from onnx_operator.decide.roles import Planned
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed


def horizontal_pod_autoscaler(observed: Observed, planned: Planned) -> dict[str, Any]:
    """Return the autoscaler. It counts the server container alone, so that no sidecar moves it.

    Its bounds are the plan's: a rollout keeps the stable revision from shrinking, or from growing.
    """
    scaling, revision = observed.spec.scaling, planned.revision
    if scaling.target is None:
        raise ValueError("the spec asks for no autoscaling")
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": revision.name},
        "minReplicas": planned.least,
        "maxReplicas": planned.most,
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
