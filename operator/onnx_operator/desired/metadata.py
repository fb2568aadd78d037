"""The metadata that all our objects share."""

from collections.abc import Mapping
from typing import Any

from onnx_operator import names
from onnx_operator.observed import Observed


def metadata(
    observed: Observed, name: str, revision: str | None = None, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return name, labels, annotations and the controller reference to the model: deleting it deletes the object."""
    labels = names.revision_labels(observed.name, revision) if revision else names.model_labels(observed.name)
    made: dict[str, Any] = {
        "name": name,
        "namespace": observed.namespace,
        "labels": labels,
        "ownerReferences": [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": observed.name,
                "uid": observed.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    if annotations:
        made["annotations"] = dict(annotations)
    return made
