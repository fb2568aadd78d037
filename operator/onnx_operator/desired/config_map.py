"""The immutable ConfigMap with a revision's ``server.yaml``."""

from typing import Any

from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed, Revision


def config_map(observed: Observed, revision: Revision) -> dict[str, Any]:
    """Return the ConfigMap, from what the revision froze."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(observed, revision.name, revision.name),
        "immutable": True,
        "data": revision.data["config"],
    }
