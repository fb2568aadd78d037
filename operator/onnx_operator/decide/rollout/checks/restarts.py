"""Do the candidate's servers stay up? One that ended since the rollout began fails."""

from typing import Any

from onnx_operator import names
from onnx_operator.decide import reasons
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.observed import Observed

Object = dict[str, Any]


def restarts(sight: Sight) -> Judgement:
    """Return the verdict."""
    count = restarts_of(sight.observed, sight.candidate.name)
    if count <= sight.facts.restarts or sight.patient:
        return Judgement("restarts", "Pass", value=str(max(0, count - sight.facts.restarts)))
    pods = sight.observed.pods.get(sight.candidate.name, ())
    ended = [(pod["metadata"]["name"], status) for pod in pods for status in _servers(pod) if status["restartCount"]]
    pod, status = max(ended, key=lambda found: found[1]["restartCount"])
    last = status.get("lastState", {}).get("terminated") or {}
    how = f" with {last.get('reason', 'Error')} (exit code {last['exitCode']})" if "exitCode" in last else ""
    message = f"the server of pod {pod} ended{how} and was started again."
    return Judgement("restarts", "Fail", reasons.CANDIDATE_RESTARTED, message, value=str(count - sight.facts.restarts))


def restarts_of(observed: Observed, revision: str) -> int:
    """Return how often the servers of a revision's pods were started again."""
    return sum(status["restartCount"] for pod in observed.pods.get(revision, ()) for status in _servers(pod))


def _servers(pod: Object) -> list[Object]:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return [s for s in statuses if s.get("name") == names.SERVER_CONTAINER and "restartCount" in s]
