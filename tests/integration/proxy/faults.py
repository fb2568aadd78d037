"""What can happen to a call. Values; `entrance` does it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Answer:
    """The API server is not asked: this status is the answer, with `retry_after` seconds if given."""

    code: int
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers."""
        again = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return {"Content-Type": "application/json", **again}

    @property
    def body(self) -> bytes:
        """The answer's body: a Status as the API server writes it."""
        return json.dumps(status(self.code)).encode()


@dataclass(frozen=True)
class Silence:
    """The API server is not asked, and nobody answers until the client gives up."""


@dataclass(frozen=True)
class Cut:
    """The connection breaks: before the API server is asked, or once it has `landed` but before its answer is told."""

    landed: bool


@dataclass(frozen=True)
class StaleList:
    """A LIST is answered as it was when the entrance remembered it; what it does not remember is forwarded."""


@dataclass(frozen=True)
class Crash:
    """The API server has answered and nobody is told: `kill` ends the operator, and the entrance is closed for good."""

    kill: Callable[[], None]


Fault = Answer | Silence | Cut | StaleList | Crash

REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


def status(code: int) -> dict[str, object]:
    """Return the Status object of an error."""
    phrase = HTTPStatus(code).phrase
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"{phrase}: said by the proxy of a test",
        "reason": REASONS.get(code, phrase.replace(" ", "")),
        "code": code,
    }
