"""What a refused write means to a person; whatever passes by itself rises to the worker."""

from onnx_operator import names
from onnx_operator.decide import reasons
from onnx_operator.decide.refusal import trouble_of_refusal
from onnx_operator.decide.trouble import Trouble
from onnx_operator.kube.errors import KubeError, NoAnswerError, RefusedError
from onnx_operator.observed import Object, Observed

INTERNAL_ERROR = 500


def trouble_of(error: KubeError, what: str) -> Trouble:
    """Return what a person should know of a failed call.

    Raises:
        KubeError: the error itself, if it passes without a word.
    """
    if isinstance(error, NoAnswerError):
        message = f"the API server does not answer: {error.message}. Most often it waits for an admission webhook."
        return Trouble(reasons.API_SERVER_FAILED, message, stuck=False)
    # An internal error is most often an admission webhook that does not answer.
    if isinstance(error, RefusedError) or error.status == INTERNAL_ERROR:
        return trouble_of_refusal(error.message, what, error.status)
    raise error


def name_conflict(observed: Observed, live: Object) -> Trouble:
    """Return the trouble that an object of our name, which is not ours, makes."""
    kind, name = live["kind"], live["metadata"]["name"]
    owners = live["metadata"].get("ownerReferences", [])
    inherited = any(o.get("controller") and (o["kind"], o["name"]) == (names.KIND, observed.name) for o in owners)
    if inherited or "deletionTimestamp" in live["metadata"]:
        message = f"{kind} {name} of a deleted ONNXModel of this name has to go first."
        return Trouble(reasons.WAITING_FOR_DELETION, message, stuck=False)
    message = (
        f"{kind} {name} exists and belongs to somebody else; it is left alone. "
        "Delete or rename it, or give the ONNXModel another name."
    )
    return Trouble(reasons.NAME_CONFLICT, message)


def entry_astray(model: str, serving: str) -> Trouble:
    """Return the trouble of an entry Service that does not come to lead where it should."""
    message = (
        f"Service {model} does not come to lead to {serving}: an admission webhook changes its selector. "
        "Take Services with the label app.kubernetes.io/managed-by: onnx-operator out of that webhook's rules."
    )
    return Trouble(reasons.FIELD_CONFLICT, message)


def owned_by_others(live: Object, managers: list[str], fields: list[str]) -> Trouble:
    """Return the trouble that another field manager makes which applied fields of an object of ours."""
    kind, name = live["kind"], live["metadata"]["name"]
    message = (
        f"{', '.join(fields)} of {kind} {name} is owned by field manager {', '.join(managers)}, which applied another "
        f"value; it is left alone. Take the field out of what {managers[0]} applies, and the operator sets it again."
    )
    return Trouble(reasons.FIELD_CONFLICT, message)


def changed_back(live: Object, managers: list[str]) -> Trouble:
    """Return the trouble that somebody makes who changes an object of ours again and again."""
    kind, name = live["kind"], live["metadata"]["name"]
    who = f" (field managers: {', '.join(managers)})" if managers else ""
    message = (
        f"{kind} {name} is changed or deleted by somebody else{who} as often as it is repaired; "
        "it is repaired more slowly now. Stop what changes it, or set spec.state to Unmanaged meanwhile."
    )
    return Trouble(reasons.CHANGED_BACK, message, stuck=False)
