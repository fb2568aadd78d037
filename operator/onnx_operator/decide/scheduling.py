"""Why the scheduler finds no node for a pod: no room, or a volume that is not there.

The operator may not read PersistentVolumeClaims and StorageClasses, so that a volume is unbound is known, and why is
not: the message says where to look.
"""

import re
from typing import Any

from onnx_operator.decide import reasons
from onnx_operator.decide.finding import Trouble, sentence, shortened

Object = dict[str, Any]

MISSING = re.compile(r'persistentvolumeclaim "(?P<name>[^"]+)" (?P<how>not found|is being deleted)')
LOST = re.compile(r'persistentvolumeclaim "(?P<name>[^"]+)" bound to non-existent')
UNBOUND = (
    "unbound immediate PersistentVolumeClaims",
    "didn't find available persistent volumes to bind",
    "bound to non-existent pv",
    "waiting for ephemeral volume controller",
)


def is_scheduled(pod: Object) -> bool:
    """Return whether a node has taken the pod."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "PodScheduled" and condition["status"] == "True" for condition in conditions)


def unschedulable(pod: Object, template: Object) -> Trouble | None:
    """Return why no node takes the pod, in the scheduler's words; None if it has said nothing like that.

    ``template`` is the pods' spec.
    """
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return _trouble(pod, template, condition.get("message", ""))
    return None


def _trouble(pod: Object, template: Object, words: str) -> Trouble:
    said = sentence(f"no node takes pod {pod['metadata']['name']}: {shortened(words)}")
    if missing := MISSING.search(words):
        name = missing["name"]
        remedy = f"Make PersistentVolumeClaim {name} in this namespace, or change spec.podTemplate.volumes."
        return Trouble(reasons.VOLUME_CLAIM_MISSING, f"{said} {remedy}")
    if LOST.search(words) or any(part in words for part in UNBOUND):
        claims = ", ".join(_claims(pod, template)) or "its claim"
        remedy = (
            f"If that lasts: kubectl describe pvc says why {claims} has no volume, e.g. that its StorageClass does not "
            "exist, or that nothing provides volumes of it."
        )
        return Trouble(reasons.VOLUME_UNBOUND, f"{said} {remedy}", stuck=False)
    remedy = "Free or add capacity, or lower spec.resources or spec.podTemplate's constraints."
    return Trouble(reasons.UNSCHEDULABLE, f"{said} {remedy}", stuck=False)


def _claims(pod: Object, template: Object) -> list[str]:
    """Return the names of the PersistentVolumeClaims of a pod; an ephemeral volume's is called after pod and volume."""
    volumes = template.get("volumes", [])
    named = [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]
    made = [f"{pod['metadata']['name']}-{volume['name']}" for volume in volumes if "ephemeral" in volume]
    return named + made
