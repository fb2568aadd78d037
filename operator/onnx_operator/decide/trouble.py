"""Why the pods of a revision do not serve, in words that a user can act on."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from onnx_operator import names
from onnx_operator.decide import reasons

Object = dict[str, Any]

# A failure that may pass by itself is called stuck after so many restarts.
PATIENCE = 2
DIGEST = re.compile("sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Trouble:
    """What keeps a revision from serving. ``stuck`` if it will not pass unless somebody changes something."""

    reason: str
    message: str
    stuck: bool = True


def trouble_of(pods: tuple[Object, ...], deployment: Object | None) -> Trouble | None:
    """Return the first trouble found in a revision's pods that are not ready, oldest pod first."""
    waiting = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and not _all_well(pod)]
    waiting.sort(key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]))
    for pod in waiting:
        for check in CHECKS:
            if found := check(pod):
                return found
    return _refused_pods(deployment)


def _all_well(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return bool(statuses) and all(status.get("ready") for status in statuses)


def _unschedulable(pod: Object) -> Trouble | None:
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            message = (
                f"no node takes pod {pod['metadata']['name']}: {condition.get('message', '')} Free or add capacity, or "
                "lower spec.resources or spec.podTemplate's constraints."
            )
            return Trouble(reasons.UNSCHEDULABLE, message, stuck=False)
    return None


def _image_pull(pod: Object) -> Trouble | None:
    for status in _statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") in {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}:
            message = (
                f"image {status.get('image')} cannot be pulled: {waiting.get('message', waiting['reason'])} "
                "Check spec.server.image and spec.podTemplate.imagePullSecrets."
            )
            return Trouble(reasons.IMAGE_PULL_FAILED, message)
    return None


def _container_config(pod: Object) -> Trouble | None:
    for status in _statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
            message = (
                f"container {status['name']} cannot be made: {waiting.get('message', waiting['reason'])}. Check that "
                "the Secret of spec.model.credentials and what spec.podTemplate refers to exist in this namespace."
            )
            return Trouble(reasons.CONTAINER_CONFIG_ERROR, message)
    return None


def _typed_failure(pod: Object) -> Trouble | None:
    for status in _statuses(pod):
        ended = _last_end(status)
        said = _termination_message(ended)
        if said and said.get("result") == "Failed" and said.get("reason") in reasons.TYPED:
            reason = str(said["reason"])
            passing = reason in reasons.PASSING and status.get("restartCount", 0) < PATIENCE
            return Trouble(reason, str(said.get("message", "")), stuck=not passing)
    return None


def _crash(pod: Object) -> Trouble | None:
    for status in _statuses(pod):
        ended = _last_end(status)
        if not ended:
            continue
        name, pod_name, restarts = status["name"], pod["metadata"]["name"], status.get("restartCount", 0)
        if ended.get("reason") == "OOMKilled":
            message = (
                f"container {name} of pod {pod_name} ran out of memory ({restarts} restarts). "
                "Raise spec.resources.limits.memory."
            )
            return Trouble(reasons.OUT_OF_MEMORY, message)
        message = (
            f"container {name} of pod {pod_name} ended with exit code {ended.get('exitCode')} ({restarts} restarts). "
            f"See: kubectl logs {pod_name} -c {name} --previous"
        )
        # Anything may end once; a loop is what the kubelet backs off from.
        return Trouble(reasons.CRASH_LOOP, message, stuck=restarts >= PATIENCE or _is_backing_off(status))
    return None


CHECKS: tuple[Callable[[Object], Trouble | None], ...] = (
    _unschedulable,
    _image_pull,
    _container_config,
    _typed_failure,
    _crash,
)


def _refused_pods(deployment: Object | None) -> Trouble | None:
    if deployment is None:
        return None
    for condition in deployment.get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            message = f"{condition.get('message', '')}. Mend what the message names: quota, pod security or admission."
            return Trouble(reasons.PODS_REFUSED, message)
    return None


def _statuses(pod: Object) -> list[Object]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _is_backing_off(status: Object) -> bool:
    return bool(status.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff")


def _last_end(status: Object) -> Object | None:
    """Return how the container last failed, if it has not come right since."""
    state = status.get("state", {})
    ended: Object | None = state.get("terminated") or status.get("lastState", {}).get("terminated")
    if status.get("ready") or not ended or ended.get("exitCode") == 0:
        return None
    return ended


def _termination_message(ended: Object | None) -> Object | None:
    try:
        said = json.loads((ended or {}).get("message") or "null")
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def fetched_digest(pods: tuple[Object, ...]) -> str | None:
    """Return the digest that the oldest pod whose fetch succeeded reported, ``sha256:<hex>``."""
    for pod in sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"])):
        for status in pod.get("status", {}).get("initContainerStatuses", []):
            ended = status.get("state", {}).get("terminated") or {}
            said = _termination_message(ended)
            if status["name"] != names.FETCH_CONTAINER or ended.get("exitCode") != 0 or not said:
                continue
            if DIGEST.fullmatch(digest := str(said.get("digest"))):
                return digest
    return None
