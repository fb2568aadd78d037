"""The small mutable ConfigMap beside a revision's pods: the pinned digest and the operator's public keys."""

from typing import Any

from onnx_operator import names
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed, Revision


def live_config_map(observed: Observed, revision: Revision) -> dict[str, Any]:
    """Return the ConfigMap, as docs/contract.md has it."""
    data = {"operator-keys.json": observed.operator_keys}
    if revision.digest:
        data["digest"] = revision.digest
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(observed, names.live_config_name(revision.name), revision.name),
        "data": data,
    }
