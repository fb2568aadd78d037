"""Manual actions: what a person asks for once, by an annotation on the ONNXModel, and what became of it.

``onnx-operator.dev/action: refresh@REVISION#NONCE``. The revision guards against an action that comes too late, the
nonce tells one request from the next of the same words. The annotation stays where it is; the status answers it.
"""

import re
from dataclasses import dataclass

from onnx_operator.api.status import LastAction
from onnx_operator.observed import Observed

REFRESH = "refresh"
KNOWN = ("promote", "resume", "pause", "abort", "retry", "rollback", REFRESH)
FORM = re.compile(r"(?P<action>[a-z]+)@(?P<revision>[a-z0-9-]{1,63})#(?P<nonce>[\x21-\x7e]{1,64})")
LONGEST_ECHO = 100


@dataclass(frozen=True)
class Request:
    """An action that this operator knows."""

    action: str
    revision: str
    nonce: str

    @property
    def text(self) -> str:
        """What stands in the annotation."""
        return f"{self.action}@{self.revision}#{self.nonce}"

    def accepted(self, message: str) -> LastAction:
        """Return the answer that it is acted on."""
        return LastAction(
            action=self.action, revision=self.revision, nonce=self.nonce, result="Accepted", message=message
        )

    def ignored(self, message: str) -> LastAction:
        """Return the answer that it is not, and why."""
        return LastAction(
            action=self.action, revision=self.revision, nonce=self.nonce, result="Ignored", message=message
        )


def request_of(observed: Observed, base_name: str) -> Request | LastAction | None:
    """Return what is asked for; the answer, if that is nothing that this operator knows; None if nothing is.

    ``base_name`` is the name of the first revision of the spec, as an example.
    """
    text = observed.action
    if text is None:
        return None
    found = FORM.fullmatch(text)
    if found is None:
        said = f"{text[:LONGEST_ECHO]!r} is not an action: write ACTION@REVISION#NONCE, such as refresh@{base_name}#1."
        return LastAction(action=text[:LONGEST_ECHO], result="Ignored", message=said)
    request = Request(**found.groupdict())
    if request.action not in KNOWN:
        return request.ignored(f"This operator knows no action {request.action!r}; it knows {', '.join(KNOWN)}.")
    return request
