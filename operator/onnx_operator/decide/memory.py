"""Which manual actions were answered already: revisions remember it, so that none is carried out twice, or too late.

The annotation stays where it is, so this has to be known for as long as it does, whichever revisions go meanwhile. The
status cannot say it: it may be lost, and it tells an action as accepted before that is written down.
"""

from collections.abc import Iterable
from dataclasses import replace

from onnx_operator import names
from onnx_operator.api.status import LastAction
from onnx_operator.decide.actions import REFRESH, Request
from onnx_operator.decide.times import stamp
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import RolloutFacts

# Of a revision, so many actions are remembered; the annotation holds one.
MOST = 8


def memory_of(observed: Observed, revisions: Iterable[Revision], request: Request) -> str | None:
    """Return how a request is remembered: as its text if it was carried out, with a ``!`` before it if it was ignored.

    None if it is not. What a refresh made remembers it by its name.
    """
    known = {text for revision in revisions for text in _texts(observed, revision, request)}
    return next((text for text in (request.text, f"!{request.text}") if text in known), None)


def remembering(observed: Observed, revision: Revision, text: str) -> Revision:
    """Return the revision with one more memory."""
    facts = revision.rollout or RolloutFacts({}, stamp(observed.now), over=True)
    return replace(revision, rollout=replace(facts, actions=(*facts.actions, text)[-MOST:]))


def as_before(observed: Observed, request: Request) -> LastAction:
    """Return the answer to what was ignored before."""
    said = observed.status.get("lastAction") or {}
    same = all(said.get(key) == getattr(request, key) for key in ("action", "revision", "nonce"))
    message = said.get("message") if same and said.get("result") == "Ignored" else None
    return request.ignored(message or "It came at a time when there was nothing to do.")


def refreshed_name(observed: Observed, request: Request) -> str:
    """Return the name of the revision that a refresh makes."""
    return names.refreshed_name(observed.name, request.revision, request.nonce)


def _texts(observed: Observed, revision: Revision, request: Request) -> tuple[str, ...]:
    made = request.action == REFRESH and revision.name == refreshed_name(observed, request)
    return (*(revision.rollout.actions if revision.rollout else ()), *((request.text,) if made else ()))
