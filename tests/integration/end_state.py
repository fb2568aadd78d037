"""The end state of a namespace in canonical form: what may differ between two histories with the same end is left out.

Two histories are equivalent when their end states are equal (`assert a == b` shows where they are not).
"""

import re
from typing import Any

from tests.cluster.rest import Object
from tests.integration.namespace import MODEL, Namespace

OURS = (
    "ControllerRevision",
    "ConfigMap",
    "Service",
    "Deployment",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
)
MANAGED = "app.kubernetes.io/managed-by=onnx-operator"

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SERVERS_OWN = {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace", "selfLink"}
ADDRESSES = {"clusterIP", "clusterIPs"}
COUNTS = {"replicas", "readyReplicas", "availableReplicas", "updatedReplicas"}


def end_state(namespace: Namespace) -> dict[str, Object]:
    """Return all models and all that the operator made, `Kind/name` to object.

    Left out: what the API server alone decides, times and UIDs (their places stay), the namespace's name, and the
    status of what other controllers report on, but for a Deployment's counts of pods.
    """
    found = [*namespace.list(MODEL), *(obj for kind in OURS for obj in namespace.list(kind, MANAGED))]
    return {f"{obj['kind']}/{obj['metadata']['name']}": normalised(obj) for obj in found}


def normalised(obj: Object) -> Object:
    """Return one object in canonical form."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in SERVERS_OWN}
    made = {**obj, "metadata": metadata}
    status = obj.get("status", {})
    match obj["kind"]:
        case "ONNXModel":
            current = status.get("observedGeneration") == obj["metadata"]["generation"]
            made["status"] = {**_without_generations(status), "observedGeneration": "current" if current else "behind"}
        case "Deployment":
            made["status"] = {name: status[name] for name in sorted(COUNTS & status.keys())}
        case _:
            made.pop("status", None)
    if obj["kind"] == "Service":
        made["spec"] = {name: value for name, value in obj["spec"].items() if name not in ADDRESSES}
    cleaned: Object = _clean(made, obj["metadata"].get("namespace", ""))
    return cleaned


def _without_generations(status: Object) -> Object:
    conditions = status.get("conditions", [])
    return {**status, "conditions": [{**condition, "observedGeneration": None} for condition in conditions]}


def _clean(value: Any, namespace: str) -> Any:
    if isinstance(value, dict):
        return {name: _clean(part, namespace) for name, part in value.items()}
    if isinstance(value, list):
        return [_clean(part, namespace) for part in value]
    if isinstance(value, str):
        replaced = UID.sub("UID", TIME.sub("TIME", value))
        return replaced.replace(namespace, "NAMESPACE") if namespace else replaced
    return value
