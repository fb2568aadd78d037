"""What a pod refers to and does not get: Secrets and ConfigMaps for its containers, and volumes before them.

The operator may not read Secrets. What a container's environment lacks, the kubelet says in the pod's status; what a
volume lacks, it says in events only, so the message names what the volumes refer to and where to look.
"""

import re
from typing import Any

from onnx_operator import names
from onnx_operator.decide import reasons
from onnx_operator.decide.finding import Trouble, sentence, shortened

Object = dict[str, Any]

FAILED = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
MISSING = re.compile(r'^(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found')
KEYLESS = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>Secret|ConfigMap) [^/\s]+/(?P<name>\S+)")
KINDS = {"secret": "Secret", "configmap": "ConfigMap"}
REASONS = {"Secret": reasons.SECRET_MISSING, "ConfigMap": reasons.CONFIG_MAP_MISSING}
# Fields of a volume, and of a projected volume's sources, with the name in them and the kind that it names.
SOURCES = (
    ("secret", "secretName", "Secret"),
    ("configMap", "name", "ConfigMap"),
    ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
)


def container_config(status: Object, template: Object) -> Trouble | None:
    """Return why a container, by its status, cannot be made; None if it can. ``template`` is the pods' spec."""
    waiting = status.get("state", {}).get("waiting", {})
    if waiting.get("reason") not in FAILED:
        return None
    words = waiting.get("message", waiting["reason"])
    said = sentence(f"container {status['name']} cannot be made: {shortened(words)}")
    if missing := MISSING.search(words):
        kind, name = KINDS[missing["kind"]], missing["name"]
        return Trouble(
            REASONS[kind], f"{said} Make {kind} {name} in this namespace, or change {_field(template, name)}."
        )
    if keyless := KEYLESS.search(words):
        kind, name = keyless["kind"], keyless["name"]
        remedy = f"Give {kind} {name} the key {keyless['key']}, or change spec.podTemplate.env."
        return Trouble(REASONS[kind], f"{said} {remedy}")
    remedy = "Check spec.server.image and what spec.podTemplate refers to."
    return Trouble(reasons.CONTAINER_CONFIG_ERROR, f"{said} {remedy}")


def preparing(pod: Object, template: Object) -> Trouble | None:
    """Return what a pod on a node waits for before any of its containers: its volumes and its network.

    ``template`` is the pods' spec.
    """
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodReadyToStartContainers" and condition["status"] == "False":
            needs = ", ".join(_referred(pod, template))
            volumes = f" Its volumes need {needs}." if needs else ""
            name = pod["metadata"]["name"]
            message = (
                f"pod {name} waits for its volumes and its network.{volumes} If that lasts, its events say why: "
                f"kubectl describe pod {name}."
            )
            return Trouble(reasons.PREPARING_POD, message, stuck=False)
    return None


def _field(template: Object, name: str) -> str:
    containers = template.get("initContainers", [])
    sources = [source for container in containers for source in container.get("envFrom", [])]
    of_model = any(source.get("secretRef", {}).get("name") == name for source in sources)
    return "spec.model.credentials.secretName" if of_model else "spec.podTemplate.env"


def _referred(pod: Object, template: Object) -> list[str]:
    found = []
    ours = pod["metadata"].get("labels", {}).get(names.LABEL_REVISION)
    for volume in template.get("volumes", []):
        for source in (volume, *volume.get("projected", {}).get("sources", [])):
            for part, key, kind in SOURCES:
                at = source.get(part, {})
                # A projected Secret has its name in `name`.
                name = at.get(key) or at.get("name")
                if name and name != ours and not at.get("optional"):
                    found.append(f"{kind} {name}")
    return found
