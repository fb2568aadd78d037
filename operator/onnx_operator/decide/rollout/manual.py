"""Manual actions on rollouts: whether one may be carried out now, and that none is carried out twice, or too late."""

from dataclasses import dataclass, replace

from onnx_operator.api.status import LastAction
from onnx_operator.decide import reasons
from onnx_operator.decide.actions import Request
from onnx_operator.decide.memory import as_before, memory_of, remembering
from onnx_operator.decide.revisions import after
from onnx_operator.decide.rollout.course import ByName, target_of
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import Rejection

ANSWERS = {
    "promote": "{} goes to promotion without the steps that are left.",
    "pause": "{} keeps its share until it is resumed.",
    "resume": "the rollout of {} goes on.",
    "abort": "{} is taken back.",
    "retry": "{} is tried again.",
    "rollback": "{} becomes the stable revision again.",
}


@dataclass(frozen=True)
class Done:
    """The revisions after the action, what is asked of the running rollout ('' if nothing), and the answer."""

    revisions: ByName
    action: str
    answer: LastAction


def carried_out(observed: Observed, revisions: ByName, wanted: str, stable: str | None, request: Request) -> Done:
    """Return what comes of a request."""
    accepted = request.accepted(ANSWERS[request.action].format(request.revision))
    if observed.spec.state == "Unmanaged":
        return Done(revisions, "", request.ignored("spec.state is Unmanaged: the operator changes nothing."))
    if memory := memory_of(observed, revisions.values(), request):
        answer = accepted if memory == request.text else as_before(observed, request)
        return Done(revisions, "", answer)
    if refusal := _refusal(observed, revisions, wanted, stable, request):
        subject = remembering(observed, revisions.get(request.revision, revisions[wanted]), f"!{request.text}")
        return Done({**revisions, subject.name: subject}, "", request.ignored(refusal))
    if request.action == "rollback":
        subject = _rolled_back(observed, revisions, revisions[wanted], request)
    elif request.action == "retry":
        subject = _retried(observed, revisions[request.revision], request)
    else:
        subject = remembering(observed, revisions[request.revision], request.text)
        return Done({**revisions, subject.name: subject}, request.action, accepted)
    return Done({**revisions, subject.name: subject}, "", accepted)


def _refusal(observed: Observed, revisions: ByName, wanted: str, stable: str | None, request: Request) -> str | None:
    """Return why a request comes at the wrong time; None if it does not."""
    name, subject = request.revision, revisions.get(request.revision)
    if subject is None:
        return f"There is no revision {name}."
    if stable is None:
        return "Nothing serves yet, so there is nothing to go back to and no rollout."
    if request.action == "rollback":
        if name == wanted and subject.rejected is None:
            return f"{name} is what the spec asks for; retry and abort are about it."
        if subject.promoted_at is None or subject.rejected:
            return f"{name} never served, or was taken back itself."
        return None
    if request.action == "retry":
        back = revisions[wanted].rejected
        if subject.rejected is None:
            return f"{name} is not rejected."
        return None if name == wanted or (back and back.back_to == name) else f"The spec asks for {wanted}, not {name}."
    facts = subject.rollout
    runs = name == target_of(revisions, wanted, stable) and name != stable and facts is not None and not facts.over
    if not runs or facts is None or observed.spec.state != "Active":
        return f"{name} is not being rolled out."
    if request.action == "resume" and not facts.paused:
        return f"The rollout of {name} is not paused."
    if request.action == "pause" and facts.paused in {"Person", "Inconclusive"}:
        return f"The rollout of {name} is paused already."
    return None


def _rolled_back(observed: Observed, revisions: ByName, wanted: Revision, request: Request) -> Revision:
    message = f"Somebody asked to go back to {request.revision}."
    # Later than every promotion, also of a leader whose clock was ahead: the next one ends it, no earlier one does.
    at = after(observed.now, list(revisions.values()))
    rejection = Rejection(reasons.ROLLED_BACK, message, at, request.revision)
    return replace(remembering(observed, wanted, request.text), rejected=rejection)


def _retried(observed: Observed, subject: Revision, request: Request) -> Revision:
    known = remembering(observed, subject, request.text)
    if known.rollout is None:
        return replace(known, rejected=None)
    return replace(known, rejected=None, rollout=replace(known.rollout, over=True, doubted=True))
