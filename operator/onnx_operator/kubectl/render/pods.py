"""A pod in one line: what it does, and what keeps it from doing it."""

from datetime import datetime
from typing import Any

from rich.text import Text

from onnx_operator import names
from onnx_operator.kubectl.render.age import age
from onnx_operator.kubectl.render.words import BAD, GOOD, MOVING, QUIET, WAITING, joined
from onnx_operator.observed import is_ready

Object = dict[str, Any]

# What a waiting container says while nothing is wrong.
BEGINNING = {"ContainerCreating", "PodInitializing"}


def pods_of(revision: str, pods: list[Object]) -> list[Object]:
    """Return a revision's pods, the oldest first."""
    own = [pod for pod in pods if pod["metadata"].get("labels", {}).get(names.LABEL_REVISION) == revision]
    return sorted(own, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]))


def state_of(pod: Object) -> tuple[str, str]:
    """Return what a pod is doing, in a word, and the colour of it."""
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating", QUIET
    if is_ready(pod):
        return "Ready", GOOD
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("reason", "Pending")), WAITING
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        state = container.get("state", {})
        if reason := state.get("waiting", {}).get("reason"):
            if reason not in BEGINNING:
                return str(reason), BAD
        elif ended := state.get("terminated"):
            if ended.get("exitCode"):
                return str(ended.get("reason", "Error")), BAD
        elif "running" in state and container["name"] == names.FETCH_CONTAINER:
            return "Fetching", MOVING
        elif "running" in state:
            return "Loading", MOVING
    return str(status.get("phase", "Unknown")), WAITING


def restarts_of(pod: Object) -> int:
    """Return how often a pod's server has started again."""
    containers = pod.get("status", {}).get("containerStatuses", [])
    return sum(container.get("restartCount", 0) for container in containers)


def pod_line(pod: Object, now: datetime) -> Text:
    """Return a pod's line."""
    word, style = state_of(pod)
    restarts = restarts_of(pod)
    return joined(
        pod["metadata"]["name"],
        Text(word, style),
        Text(f"{restarts} restart{'s' if restarts > 1 else ''}", BAD) if restarts else "",
        Text(age(pod["metadata"].get("creationTimestamp"), now), QUIET),
        Text(pod.get("spec", {}).get("nodeName", ""), QUIET),
    )
