"""How far the pods are, as a number that only counts when it grows, and what the deadline that it is for leaves."""

from typing import Any

from onnx_operator import names
from onnx_operator.decide.rollout.capacity import has_yet_to_make_room, pending, runs_on
from onnx_operator.decide.rollout.sight import Sight, State
from onnx_operator.decide.scheduling import is_scheduled
from onnx_operator.observed import is_ready

Object = dict[str, Any]


def reached(sight: Sight) -> int:
    """Return how far it is in the state that it is in: what its pods have reached, or how many pods share already."""
    if sight.state == State.WEIGHT:
        return sum(map(sight.follows, sight.told))
    stages = sorted((_stage(pod) for pod in sight.observed.pods.get(sight.candidate.name, ())), reverse=True)
    return sum(stages[: sight.needed])


def seconds_left(sight: Sight) -> float | None:
    """Return for how many seconds more nothing may go forward; None while that may take as long as it takes.

    Waiting for a node does, where it is allowed, or for the stable revision to make room for one that is ready, and so
    do the other pods once one is ready, unless the candidate
    itself keeps them from it, or something that was to pass. Without a ready pod the time begins, at the earliest, when
    it had the last one; for pods that are late, when they were made.
    """
    facts = sight.facts
    others = sight.state != State.WEIGHT and 0 < sight.ready < sight.enough
    if sight.state == State.PROMOTING and sight.ready >= sight.enough and has_yet_to_make_room(sight):
        return None  # which is not the candidate's fault
    stands = not runs_on(sight) if pending(sight) else others and not (sight.fault or sight.passing)
    if stands:
        return None
    began = max(facts.progress_at, facts.unready_since)
    if others and not sight.fault:
        began = max(began, *_made(sight))
    return sight.rollout.progressDeadlineSeconds - sight.seconds(began)


def _made(sight: Sight) -> tuple[str, ...]:
    """Return when the oldest pod was made that is not ready; nothing if there is none."""
    pods = sight.observed.pods.get(sight.candidate.name, ())
    made = (pod["metadata"].get("creationTimestamp", "") for pod in pods if not is_ready(pod))
    return tuple(sorted(made)[:1])


def _stage(pod: Object) -> int:
    status = pod.get("status", {})
    if "deletionTimestamp" in pod["metadata"]:
        return 0
    if is_ready(pod):
        return 5
    if any("running" in s.get("state", {}) for s in status.get("containerStatuses", [])):
        return 4
    fetching = [s for s in status.get("initContainerStatuses", []) if s.get("name") == names.FETCH_CONTAINER]
    if any(s.get("state", {}).get("terminated", {}).get("exitCode") == 0 for s in fetching):
        return 3
    return 2 if is_scheduled(pod) or fetching else 1
