"""What of spec.podTemplate goes into the pod's spec as it is."""

from typing import Any

from onnx_operator.api.spec import PodTemplate

AS_IN_A_POD = {
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "runtimeClassName",
    "serviceAccountName",
    "imagePullSecrets",
}


def pod_overlay(template: PodTemplate) -> dict[str, Any]:
    """Return the declared fields whose names and meanings are the Pod's own."""
    return template.model_dump(include=AS_IN_A_POD, exclude_defaults=True, exclude_none=True)
