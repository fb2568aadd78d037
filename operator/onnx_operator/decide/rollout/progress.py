"""How far the pods are, as a number that only counts when it grows: what a deadline is measured by."""

from typing import Any

from onnx_operator import names
from onnx_operator.decide.rollout.sight import Sight, State
from onnx_operator.observed import is_ready

Object = dict[str, Any]


def reached(sight: Sight) -> int:
    """Return how far it is in the state that it is in: what its pods have reached, or how many pods share already."""
    if sight.state == State.WEIGHT:
        return sum(split.applied_weight == sight.facts.weight for split in sight.told)
    stages = sorted((_stage(pod) for pod in sight.observed.pods.get(sight.candidate.name, ())), reverse=True)
    return sum(stages[: sight.needed])


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
    scheduled = any(c["type"] == "PodScheduled" and c["status"] == "True" for c in status.get("conditions", []))
    return 2 if scheduled or fetching else 1
