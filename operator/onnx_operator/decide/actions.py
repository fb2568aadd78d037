"""Manual actions: what a person asks for once, by an annotation on the ONNXModel, and what became of it.

``onnx-operator.dev/action: refresh@REVISION#NONCE``. The revision guards against an action that comes too late, the
nonce tells one request from the next of the same words. The annotation stays where it is; the status answers it.
"""

import re
from dataclasses import dataclass

from onnx_operator import names
from onnx_operator.api.status import LastAction
from onnx_operator.observed import Observed, Revision

REFRESH = "refresh"
FORM = re.compile(r"(?P<action>[a-z]+)@(?P<revision>[a-z0-9-]{1,63})#(?P<nonce>[\x21-\x7e]{1,64})")
LONGEST_ECHO = 100


@dataclass(frozen=True)
class Refresh:
    """A new revision of the same spec, with today's defaults, in the place of ``base``."""

    base: Revision
    name: str


def refresh_of(observed: Observed, wanted: Revision | None, base_name: str) -> tuple[Refresh | None, LastAction | None]:
    """Return the refresh to begin now, if any, and the answer to the annotation, None if there is none.

    ``wanted`` is the newest revision that is of this spec, if one exists, ``base_name`` the name of the first such.
    """
    text = observed.action
    if text is None:
        return None, None
    found = FORM.fullmatch(text)
    if found is None:
        said = f"{text[:LONGEST_ECHO]!r} is not an action: write ACTION@REVISION#NONCE, such as refresh@{base_name}#1."
        return None, LastAction(action=text[:LONGEST_ECHO], result="Ignored", message=said)

    def answer(result: str, message: str) -> LastAction:
        return LastAction.model_validate({**found.groupdict(), "result": result, "message": message})

    action, revision, nonce = found["action"], found["revision"], found["nonce"]
    if action != REFRESH:
        return None, answer("Ignored", f"This operator knows no action {action!r}; it knows {REFRESH}.")
    name = names.refreshed_name(observed.name, revision, nonce)
    if any(known.name == name for known in observed.revisions):
        return None, answer("Accepted", f"{name} is the new revision with the defaults of the time.")
    if wanted is None or revision != wanted.name:
        asked = wanted.name if wanted else base_name
        return None, answer("Ignored", f"{revision} is not the revision that the spec asks for; {asked} is.")
    if observed.spec.state == "Unmanaged":
        return None, answer("Ignored", "spec.state is Unmanaged: the operator changes nothing.")
    return Refresh(wanted, name), answer("Accepted", f"{name} is the new revision with the defaults of the time.")
