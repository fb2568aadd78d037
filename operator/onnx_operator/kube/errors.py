"""What can go wrong with a call to the API server, in the three meanings that callers tell apart."""


class KubeError(Exception):
    """A call failed. ``message`` is the API server's own text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (HTTP {status})" if status else message)
        self.status = status
        self.message = message


class TransientError(KubeError):
    """Time-out, cut connection, 429 or 5xx: the same call may work later, after ``retry_after`` seconds if given."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(status, message)
        self.retry_after = retry_after


class ConflictError(KubeError):
    """409 or a failed precondition: what we knew is out of date."""


class RefusedError(KubeError):
    """4xx, or a manifest that does not fit its kind: it will be refused again until somebody changes something."""


# A manifest that does not fit the kind's schema is the sender's fault, but server-side apply calls it its own (500).
MALFORMED = ("failed to create typed patch object", "failed to convert new object")


def error_of(status: int, message: str, retry_after: float | None = None) -> KubeError:
    """Return the typed error for an HTTP status other than 2xx and 404."""
    if status == 409:
        return ConflictError(status, message)
    if status == 500 and message.startswith(MALFORMED):
        return RefusedError(status, message)
    if status == 429 or status >= 500 or status == 0:
        return TransientError(status, message, retry_after)
    return RefusedError(status, message)
