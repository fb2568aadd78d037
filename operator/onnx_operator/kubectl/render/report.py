"""A model and its pods for programs: what ``status --output json`` prints."""

from typing import Any

from onnx_operator import names
from onnx_operator.kubectl.render.pods import restarts_of, state_of

Object = dict[str, Any]


def report_of(model: Object, pods: list[Object] | None) -> Object:
    """Return the status as the operator wrote it, and the pods; ``pods`` is None where they may not be seen."""
    metadata = model["metadata"]
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "generation": metadata.get("generation"),
        "status": model.get("status", {}),
        "pods": None if pods is None else [_pod(pod) for pod in pods],
    }


def _pod(pod: Object) -> Object:
    word, _ = state_of(pod)
    return {
        "name": pod["metadata"]["name"],
        "revision": pod["metadata"].get("labels", {}).get(names.LABEL_REVISION),
        "state": word,
        "restarts": restarts_of(pod),
        "createdAt": pod["metadata"].get("creationTimestamp"),
        "node": pod.get("spec", {}).get("nodeName"),
    }
