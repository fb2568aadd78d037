"""Which revision a manual action is about, and what came of it. Pure: from what the API server shows.

An action is the annotation ``onnx-operator.dev/action: ACTION@REVISION#NONCE``; the status answers it.
"""

from dataclasses import dataclass
from typing import Any

from onnx_operator import names
from onnx_operator.kubectl.problems import ProblemError

Object = dict[str, Any]

OF_A_ROLLOUT = ("promote", "abort", "pause", "resume")


@dataclass(frozen=True)
class Action:
    """What is asked for. ``nonce`` tells it from others of the same words."""

    verb: str
    revision: str
    nonce: str

    def __str__(self) -> str:
        """Return the annotation's text."""
        return f"{self.verb}@{self.revision}#{self.nonce}"


def target(verb: str, model: Object, revisions: list[Object], named: str | None) -> str:
    """Return the revision that an action is about: the one that is ``named``, or the one that is meant.

    ``revisions`` are the model's ControllerRevisions; only ``rollback`` looks at them.

    Raises:
        ProblemError: nothing can be meant.
    """
    if named:
        return named
    status = model.get("status", {})
    name = model["metadata"]["name"]
    if verb in OF_A_ROLLOUT:
        return _rolled_out(verb, name, status)
    if verb == "retry":
        return _rejected(name, status)
    if verb == "rollback":
        return _before(name, status, revisions)
    if wanted := _asked_for_and_rejected(status) or status.get("candidateRevision") or status.get("stableRevision"):
        return str(wanted)
    raise ProblemError(f"{name} has no revision yet.", f"kubectl onnx status {name} shows how far it is.")


def answer_to(action: Action, model: Object) -> Object | None:
    """Return what the operator answers to an action; None as long as it has not.

    Raises:
        ProblemError: somebody asked for something else meanwhile, so no answer will come.
    """
    last: Object = model.get("status", {}).get("lastAction", {})
    if (last.get("action"), last.get("revision"), last.get("nonce")) == (action.verb, action.revision, action.nonce):
        return last
    standing = model["metadata"].get("annotations", {}).get(names.ANNOTATION_ACTION)
    if standing != str(action):
        raise ProblemError(
            f"{action} was replaced before its answer was seen; now {standing or 'nothing'} is asked for.",
            "Something else writes this annotation: another person, or what applies the manifest.",
        )
    return None


def _rolled_out(verb: str, name: str, status: Object) -> str:
    rollout = status.get("rollout", {})
    revision = rollout.get("revision")
    if revision and rollout.get("phase") != "Aborted":
        return str(revision)
    if revision:
        raise ProblemError(
            f"The rollout of {revision} was aborted: there is nothing to {verb}.",
            f"kubectl onnx retry {name} begins it anew.",
        )
    raise ProblemError(f"{name} is not being rolled out: there is nothing to {verb}.")


def _rejected(name: str, status: Object) -> str:
    if wanted := _asked_for_and_rejected(status):
        return wanted
    rejected = [entry["revision"] for entry in status.get("rejected", [])]
    if rejected:
        raise ProblemError(
            f"The spec of {name} asks for {status.get('candidateRevision') or status.get('stableRevision')}, which was "
            f"not rejected; {', '.join(rejected)} was.",
            "Name it with --revision, if it shall be allowed again.",
        )
    raise ProblemError(f"No revision of {name} was rejected: there is nothing to retry.")


def _asked_for_and_rejected(status: Object) -> str | None:
    """Return the rejected revision that the spec asks for; None if it asks for another.

    A rejected revision is no candidate. The rollout says which it is until another one begins, such as the way back;
    after that, what is stalled is what was rejected last.
    """
    rejected = {entry["revision"]: entry for entry in status.get("rejected", [])}  # the newest comes first
    rollout = status.get("rollout", {})
    if rollout.get("phase") in {"RollingBack", "Aborted"} and rollout.get("revision") in rejected:
        return str(rollout["revision"])
    stalled: Object = next((one for one in status.get("conditions", []) if one["type"] == "Stalled"), {})
    newest: Object = next(iter(rejected.values()), {})
    if stalled.get("status") == "True" and stalled.get("reason") == newest.get("reason"):
        return str(newest["revision"])
    return None


def _before(name: str, status: Object, revisions: list[Object]) -> str:
    """Return the revision that served before the one that serves now."""
    stable = status.get("stableRevision")
    if status.get("rollout") and status.get("candidateRevision") and status["rollout"].get("phase") != "Aborted":
        raise ProblemError(
            f"{status['candidateRevision']} is being rolled out, and {stable} still serves.",
            f"kubectl onnx abort {name} takes it back. To go back further, name the revision: kubectl onnx history "
            f"{name} shows them.",
        )
    rejected = {entry["revision"] for entry in status.get("rejected", [])}
    served: dict[str, str] = {
        revision["metadata"]["name"]: at
        for revision in revisions
        if (at := revision["metadata"].get("annotations", {}).get(names.ANNOTATION_PROMOTED_AT))
    }
    others = [revision for revision in served if revision != stable and revision not in rejected]
    if not others:
        raise ProblemError(f"No other revision of {name} has served before: there is none to go back to.")
    return max(others, key=lambda revision: served[revision])
