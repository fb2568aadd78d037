"""The end state of a namespace in canonical form: what may differ between two histories with the same end is left out.

Two histories are equivalent when their end states are equal (`assert a == b` shows where they are not).
"""

import json
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
ROLLOUTS = "deployment.kubernetes.io/revision"
"""The Deployment controller's own count: a template that somebody changed, and that was repaired, adds to it."""

FROZEN = "onnx-operator.dev/frozen"
"""A copy of the ControllerRevision's facts, its number among them."""

ROLLOUT = "onnx-operator.dev/rollout"
"""The facts of a rollout; how often its split was numbered anew, and how far a pod was at which look, is no end."""

COUNTS = {"replicas", "readyReplicas", "availableReplicas", "updatedReplicas"}


def end_state(namespace: Namespace) -> dict[str, Object]:
    """Return all models and all that the operator made, `Kind/name` to object.

    Left out: what the API server alone decides, times and UIDs (their places stay), the namespace's name, and the
    status of what other controllers report on, but for a Deployment's counts of pods.
    """
    found = [*namespace.list(MODEL), *(obj for kind in OURS for obj in namespace.list(kind, MANAGED))]
    return {f"{obj['kind']}/{obj['metadata']['name']}": normalised(obj) for obj in found}


def serving_state(namespace: Namespace, model: str) -> dict[str, Object]:
    """Return the end state without what may differ between histories that end with the same spec.

    Left out: revisions that serve no more, if they have no pods, how many came before, and what an autoscaler decides.
    """
    state = end_state(namespace)
    found = state.get(f"{MODEL}/{model}")
    serving = (found or {}).get("status", {}).get("stableRevision")
    left = {}
    for key, obj in state.items():
        revision = obj["metadata"].get("labels", {}).get("onnx-operator.dev/revision")
        retired = revision not in (None, serving)
        if not obj["metadata"].get("ownerReferences") and obj is not found:
            continue
        if retired and not (obj["kind"] == "Deployment" and (obj["spec"]["replicas"] or obj["status"].get("replicas"))):
            continue
        left[key] = _without_history(obj, serving, autoscaled=f"HorizontalPodAutoscaler/{serving}" in state)
    return left


def _without_history(obj: Object, serving: str | None, *, autoscaled: bool) -> Object:
    match obj["kind"]:
        case "ControllerRevision":
            annotations = {key: value for key, value in obj["metadata"]["annotations"].items() if key != ROLLOUT}
            return {**obj, "revision": None, "metadata": {**obj["metadata"], "annotations": annotations}}
        case "Deployment":
            annotations = {key: value for key, value in obj["metadata"]["annotations"].items() if key != ROLLOUTS}
            if frozen := annotations.get(FROZEN):
                annotations[FROZEN] = {**json.loads(frozen), "number": None}
            made = {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}
            return {**made, "spec": {**obj["spec"], "replicas": None}, "status": None} if autoscaled else made
        case "ONNXModel":
            status = obj["status"]
            kept = {"revisions": [known for known in status.get("revisions", []) if known["name"] == serving]}
            counted = ("replicas", "readyReplicas", "conditions", "revisions") if autoscaled else ()
            # What an autoscaler says of itself depends on when it looked.
            scaling = {"scaling": {**status["scaling"], "message": None}} if "scaling" in status else {}
            # Who was taken back before serves no more.
            return {**obj, "status": {**status, **kept, **scaling, "rejected": None, **dict.fromkeys(counted)}}
    return obj


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
        case "ControllerRevision" if rollout := metadata.get("annotations", {}).get(ROLLOUT):
            facts = {**json.loads(rollout), "generation": None, "progress": None}
            made["metadata"] = {**metadata, "annotations": {**metadata["annotations"], ROLLOUT: facts}}
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


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Return where two end states differ, in words; nothing if they are equal."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            text
            for name in sorted({*expected, *found})
            for text in differences(expected.get(name), found.get(name), f"{path}/{name}")
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [text for n, (one, other) in pairs for text in differences(one, other, f"{path}/{n}")]
    return [] if expected == found else [f"{path}: {found!r} instead of {expected!r}"]
