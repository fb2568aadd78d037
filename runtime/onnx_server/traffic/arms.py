"""The arms of a split, and what is counted of them."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

Failure = Literal["refused", "reset", "serverError", "clientError", "late", "overloaded"]
FAILURES: tuple[Failure, ...] = ("refused", "reset", "serverError", "clientError", "late", "overloaded")


class Arm(Enum):
    """Who is to answer a request: this pod (counted for the comparison, or not), or one of the candidate's."""

    STABLE = "stable"
    UNCOUNTED = "uncounted"
    CANDIDATE = "candidate"
    PREVIEW = "preview"


# For what is asked for each request: in Python 3.11 a member looked up by its class costs as much as a call.
STABLE: Final = Arm.STABLE
UNCOUNTED: Final = Arm.UNCOUNTED
CANDIDATE: Final = Arm.CANDIDATE
PREVIEW: Final = Arm.PREVIEW


@dataclass(slots=True)
class Counts:
    """What one generation of the split has done. Who began under it counts here, even if it ends under a later one."""

    stable_requests: int = 0
    stable_errors: int = 0
    candidate_requests: int = 0
    candidate_answered: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)
    preview_requests: int = 0

    def describe(self) -> dict[str, object]:
        """Return `arms` and `preview` of the state document."""
        return {
            "arms": {
                "stable": {"requests": self.stable_requests, "errors": self.stable_errors},
                "candidate": {
                    "requests": self.candidate_requests,
                    "answered": self.candidate_answered,
                    "errors": self.failures.total(),
                    "failures": {failure: self.failures[failure] for failure in FAILURES},
                },
            },
            "preview": {"requests": self.preview_requests},
        }
