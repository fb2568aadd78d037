"""What the operator keeps of an object: what its decisions and comparisons may depend on. Pure.

The rest costs memory by the thousand, and news about it would ask for reconciles that find nothing to do: an
autoscaler's metrics, a Deployment's counts, other managers' time stamps.
"""

from typing import Any

from onnx_operator import names
from onnx_operator.kube.kinds import AUTOSCALER, DEPLOYMENT, MODEL, POD, Kind

Object = dict[str, Any]

NOT_KEPT = {"managedFields", "generation", "selfLink"}
APPLIED_BY_KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"
# Of these kinds' status no more than conditions of these types is read; of other owned kinds nothing.
CONDITIONS = {DEPLOYMENT: {"ReplicaFailure"}, AUTOSCALER: {"ScalingActive"}}


def essential(kind: Kind, obj: Object) -> Object:
    """Return the part of an object that is kept. What is left of it is the object's own, not a copy."""
    kept: Object = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": _metadata(kind, obj["metadata"])}
    if kind == POD:
        kept["status"] = obj.get("status", {})
        return kept
    kept |= {part: value for part, value in obj.items() if part not in {"apiVersion", "kind", "metadata", "status"}}
    if kind == MODEL:
        kept["status"] = obj.get("status", {})
    elif types := CONDITIONS.get(kind):
        conditions = obj.get("status", {}).get("conditions") or []
        kept["status"] = {"conditions": [_timeless(found) for found in conditions if found["type"] in types]}
    return kept


def _metadata(kind: Kind, metadata: Object) -> Object:
    kept = {field: value for field, value in metadata.items() if field not in NOT_KEPT}
    if kind == POD:
        kept.pop("annotations", None)
        return kept
    if kind == MODEL:
        kept["generation"] = metadata.get("generation", 0)
    if APPLIED_BY_KUBECTL in kept.get("annotations", {}):
        kept["annotations"] = {key: text for key, text in kept["annotations"].items() if key != APPLIED_BY_KUBECTL}
    # Which fields are ours, so that those no longer wanted can be taken back.
    kept["managedFields"] = [
        {field: entry[field] for field in ("manager", "operation", "subresource", "fieldsV1") if field in entry}
        for entry in metadata.get("managedFields") or []
        if entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply"
    ]
    return kept


def _timeless(condition: Object) -> Object:
    return {field: value for field, value in condition.items() if not field.endswith("Time")}
