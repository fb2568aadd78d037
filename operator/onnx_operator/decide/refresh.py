"""A refresh: a new revision of the same spec, with today's defaults, once for each request."""

from dataclasses import dataclass

from onnx_operator.api.status import LastAction
from onnx_operator.decide.actions import Request
from onnx_operator.decide.memory import as_before, memory_of, refreshed_name
from onnx_operator.observed import Observed, Revision


@dataclass(frozen=True)
class Refresh:
    """A new revision of the same spec, with today's defaults, in the place of ``base``."""

    base: Revision
    name: str


def refresh_of(
    observed: Observed, known: list[Revision], request: Request, wanted: Revision | None
) -> tuple[Refresh | None, LastAction]:
    """Return the refresh to begin now, if any, and the answer to it.

    ``wanted`` is the newest revision that is of this spec, if one exists.
    """
    name, revision = refreshed_name(observed, request), request.revision
    accepted = request.accepted(f"{name} is the new revision with the defaults of the time.")
    memory = memory_of(observed, known, request)
    if memory == request.text:
        return None, accepted
    if observed.spec.state == "Unmanaged":
        return None, request.ignored("spec.state is Unmanaged: the operator changes nothing.")
    if memory:
        return None, as_before(observed, request)
    if wanted is None and revision == observed.base_name:
        return None, request.ignored(f"{revision} is about to be made, with the defaults of the time.")
    if wanted is None or revision != wanted.name:
        asked = wanted.name if wanted else observed.base_name
        return None, request.ignored(f"{revision} is not the revision that the spec asks for; {asked} is.")
    return Refresh(wanted, name), accepted
