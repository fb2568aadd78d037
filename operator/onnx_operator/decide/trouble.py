"""Why the pods of a revision do not serve, in words that a user can act on."""

import json
import re
from collections.abc import Callable
from typing import Any

from onnx_operator import names
from onnx_operator.decide import reasons
from onnx_operator.decide.finding import Trouble
from onnx_operator.decide.mounting import container_config, preparing
from onnx_operator.decide.refusal import trouble_of_refused_pods
from onnx_operator.decide.scheduling import unschedulable

__all__ = ["Trouble", "fetched_digest", "trouble_of"]

Object = dict[str, Any]

# A failure that may pass by itself is called stuck after so many restarts.
PATIENCE = 2
# Why a node has no image. Of the first, nothing but another image helps; of the others, the kubelet goes on trying.
NO_SUCH_IMAGE = frozenset({"InvalidImageName", "ErrImageNeverPull"})
NOT_PULLED = frozenset({"ErrImagePull", "ImagePullBackOff"})
DIGEST = re.compile("sha256:[0-9a-f]{64}")


def trouble_of(pods: tuple[Object, ...], deployment: Object | None) -> Trouble | None:
    """Return the first trouble found in a revision's pods that are not ready, oldest pod first."""
    template = deployment["spec"].get("template", {}).get("spec", {}) if deployment else {}
    waiting = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and not _all_well(pod)]
    waiting.sort(key=lambda pod: (pod["metadata"].get("creationTimestamp", ""), pod["metadata"]["name"]))
    for pod in waiting:
        for check in CHECKS:
            if found := check(pod, template):
                return found
    # Last what may be the first seconds of any pod.
    return _refused_pods(deployment) or next((found for pod in waiting if (found := preparing(pod, template))), None)


def _all_well(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return bool(statuses) and all(status.get("ready") for status in statuses)


def _image_pull(pod: Object, _: Object) -> Trouble | None:
    for status in _statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") in NO_SUCH_IMAGE | NOT_PULLED:
            message = (
                f"image {status.get('image')} cannot be pulled: {waiting.get('message', waiting['reason'])} "
                "Check spec.server.image and spec.podTemplate.imagePullSecrets."
            )
            # A registry that limits its clients, or is away for a moment, looks like one that has no such image.
            return Trouble(reasons.IMAGE_PULL_FAILED, message, passing=waiting["reason"] in NOT_PULLED)
    return None


def _container_config(pod: Object, template: Object) -> Trouble | None:
    return next((found for status in _statuses(pod) if (found := container_config(status, template))), None)


def _typed_failure(pod: Object, _: Object) -> Trouble | None:
    for status in _statuses(pod):
        ended = _last_end(status)
        said = _termination_message(ended)
        if said and said.get("result") == "Failed" and said.get("reason") in reasons.TYPED:
            reason = str(said["reason"])
            passing = reason in reasons.PASSING and status.get("restartCount", 0) < PATIENCE
            return Trouble(reason, str(said.get("message", "")), stuck=not passing)
    return None


def _crash(pod: Object, _: Object) -> Trouble | None:
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


# Each takes a pod and the pods' spec as its Deployment has it.
CHECKS: tuple[Callable[[Object, Object], Trouble | None], ...] = (
    unschedulable,
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
            return trouble_of_refused_pods(condition.get("message", ""), deployment["metadata"]["name"])
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
