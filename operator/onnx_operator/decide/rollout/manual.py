"""Manual actions on rollouts: whether one may be carried out now, and that none is carried out twice, or too late."""

from dataclasses import dataclass, replace

from onnx_operator.api.status import LastAction
from onnx_operator.decide import reasons
from onnx_operator.decide.actions import Request
from onnx_operator.decide.rollout.course import ByName, target_of
from onnx_operator.decide.times import stamp
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import Rejection, RolloutFacts

# Of a revision, so many actions are remembered; the annotation holds one.
MOST = 8
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
    remembered = {text for known in revisions.values() if known.rollout for text in known.rollout.actions}
    if request.text in remembered:
        return Done(revisions, "", accepted)
    if f"!{request.text}" in remembered:
        return Done(revisions, "", _as_before(observed, request))
    if request.revision not in revisions:
        return Done(revisions, "", request.ignored(f"There is no revision {request.revision}."))
    if refusal := _refusal(observed, revisions, wanted, stable, request):
        subject = _with_memory(observed, revisions[request.revision], f"!{request.text}")
        return Done({**revisions, subject.name: subject}, "", request.ignored(refusal))
    if request.action == "rollback":
        subject = _rolled_back(observed, revisions[wanted], request)
    elif request.action == "retry":
        subject = _retried(observed, revisions[request.revision], request)
    else:
        subject = _with_memory(observed, revisions[request.revision], request.text)
        return Done({**revisions, subject.name: subject}, request.action, accepted)
    return Done({**revisions, subject.name: subject}, "", accepted)


def _refusal(observed: Observed, revisions: ByName, wanted: str, stable: str | None, request: Request) -> str | None:
    """Return why a request comes at the wrong time; None if it does not."""
    name, subject = request.revision, revisions[request.revision]
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


def _rolled_back(observed: Observed, wanted: Revision, request: Request) -> Revision:
    message = f"Somebody asked to go back to {request.revision}."
    rejection = Rejection(reasons.ROLLED_BACK, message, stamp(observed.now), request.revision)
    return replace(_with_memory(observed, wanted, request.text), rejected=rejection)


def _retried(observed: Observed, subject: Revision, request: Request) -> Revision:
    known = _with_memory(observed, subject, request.text)
    if known.rollout is None:
        return replace(known, rejected=None)
    return replace(known, rejected=None, rollout=replace(known.rollout, over=True, doubted=True))


def _with_memory(observed: Observed, revision: Revision, text: str) -> Revision:
    facts = revision.rollout or RolloutFacts({}, stamp(observed.now), over=True)
    return replace(revision, rollout=replace(facts, actions=(*facts.actions, text)[-MOST:]))


def _as_before(observed: Observed, request: Request) -> LastAction:
    said = observed.status.get("lastAction") or {}
    same = all(said.get(key) == getattr(request, key) for key in ("action", "revision", "nonce"))
    message = said.get("message") if same and said.get("result") == "Ignored" else None
    return request.ignored(message or "It came at a time when there was nothing to do.")
