"""Kubernetes Events, as manifests. Pure."""

from typing import Any

from onnx_operator import names
from onnx_operator.report.status import LONGEST_MESSAGE

Object = dict[str, Any]


def event_manifest(model: Object, type_: str, reason: str, message: str, now: str, suffix: str) -> Object:
    """Return a Kubernetes Event about the model; ``suffix`` makes its name unique."""
    metadata = model["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{suffix}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": type_,
        "reason": reason,
        "message": message[:LONGEST_MESSAGE],
        "source": {"component": names.FIELD_MANAGER},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
