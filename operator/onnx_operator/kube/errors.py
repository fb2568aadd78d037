"""What can go wrong with a call to the API server, in the three meanings that callers tell apart."""

import re
from dataclasses import dataclass
from typing import Any


class KubeError(Exception):
    """A call failed. ``message`` is the API server's own text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (HTTP {status})" if status else message)
        self.status = status
        self.message = message


class TransientError(KubeError):
    """No answer, or one that may be another soon: the same call may work after ``retry_after`` seconds, if given."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(status, message)
        self.retry_after = retry_after


class NoAnswerError(TransientError):
    """A request was sent, and no answer came in time: ``seconds`` of them."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(0, f"{what}: no answer within {seconds:g} s")


class ConflictError(KubeError):
    """409 or a failed precondition: what we knew is out of date."""


@dataclass(frozen=True)
class Claim:
    """A field that an apply would change, and the field manager that owns it; ``manager`` is empty if it is unknown."""

    manager: str
    field: str


class OwnershipError(ConflictError):
    """An apply without force met fields that others own with other values."""

    def __init__(self, status: int, message: str, claims: tuple[Claim, ...]) -> None:
        super().__init__(status, message)
        self.claims = claims


class RefusedError(KubeError):
    """4xx, or a manifest that does not fit its kind: it will be refused again until somebody changes something."""


# A manifest that does not fit the kind's schema is the sender's fault, but server-side apply calls it its own (500).
MALFORMED = ("failed to create typed patch object", "failed to convert new object")
# Not about the request: the token has expired, the request took too long, the version or the page is too old, too many.
PASSING = {401, 408, 410, 429}


def error_of(status: int, said: dict[str, Any], retry_after: float | None = None) -> KubeError:
    """Return the typed error for an HTTP status other than 2xx and 404, and the Status that came with it."""
    message = str(said.get("message", said))
    if status == 409:
        claims = _claims(said)
        return OwnershipError(status, message, claims) if claims else ConflictError(status, message)
    if status == 500 and message.startswith(MALFORMED):
        return RefusedError(status, message)
    if status in PASSING or status >= 500 or status == 0:
        return TransientError(status, message, retry_after)
    return RefusedError(status, message)


def _claims(said: dict[str, Any]) -> tuple[Claim, ...]:
    # https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
    causes = (said.get("details") or {}).get("causes") or []
    return tuple(
        Claim(found[1] if (found := re.match(r'conflict with "([^"]*)"', cause.get("message", ""))) else "", field)
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict" and (field := cause.get("field", ""))
    )
