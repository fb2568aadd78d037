"""What this pod has seen of both revisions in one course: counts, pairs of durations, and comparisons of outputs."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from onnx_server.engine.work import Run
from onnx_server.traffic.outcome import Outcome
from onnx_server.traffic.pairs import Pairs
from onnx_server.traffic.ran import Ran

Dropped = Literal["inFlight", "bytes", "overloaded", "unreachable", "interrupted"]
DROPPED: tuple[Dropped, ...] = ("inFlight", "bytes", "overloaded", "unreachable", "interrupted")
Copied = Literal["compared", "failed"] | Dropped
"""What became of a copy."""
COPIED: tuple[Copied, ...] = ("compared", "failed", *DROPPED)


@dataclass(slots=True, eq=False)
class Compared:
    """What the mirror has told of comparisons: `described` is JSON, `outputs` and `worst` of the state document.

    They are the `number`th of this process, in a mirror that had started `start` times.
    """

    number: int
    start: int
    described: bytes = b'{"outputs":[],"worst":[]}'

    def describe(self) -> dict[str, Any]:
        """Return `outputs` and `worst` of the state document."""
        described: dict[str, Any] = orjson.loads(self.described)
        return described


@dataclass(slots=True)
class Copies:
    """How many copies were drawn, and what became of those that are over. `replayed` are among them."""

    sampled: int = 0
    replayed: int = 0
    over: Counter[Copied] = field(default_factory=Counter)

    def describe(self) -> dict[str, object]:
        """Return `shadow` of the state document, but for the percentage."""
        return {
            "sampled": self.sampled,
            "underWay": self.sampled - self.over.total(),
            "compared": self.over["compared"],
            "failed": self.over["failed"],
            "replayed": self.replayed,
            "dropped": {reason: self.over[reason] for reason in DROPPED},
        }


@dataclass(slots=True)
class Evidence:
    """Of (`revision`, `course`). What began under a course counts here, even if it ends in another."""

    revision: str | None
    course: str
    stable_requests: int = 0
    stable_errors: int = 0
    candidate_requests: int = 0
    candidate_errors: int = 0
    candidate_late: int = 0
    pairs: Pairs = field(default_factory=Pairs)
    copies: Copies = field(default_factory=Copies)
    compared: Compared | None = None

    def answered(self, status: int) -> None:
        """Note an answer of this pod's own: `status` is HTTP's."""
        self.stable_requests += 1
        self.stable_errors += status >= 500

    def led(self, run: Run, now: float) -> None:
        """Note a run of this pod's, told by the one request of its batch that leads."""
        self.pairs.own(run.rows, run.elements, run.computed, now)

    def forwarded(self, outcome: Outcome, theirs: Ran | None, now: float) -> None:
        """Note what became of a request that was given to the candidate."""
        if outcome == "left":
            return
        self.candidate_requests += 1
        if outcome == "late":
            self.candidate_late += 1
        elif outcome not in {"answered", "bothRefused"}:
            self.candidate_errors += 1
        if theirs is not None:
            self.pairs.candidates(theirs, now)

    def copied(self, ours: Ran | None, theirs: Ran | None, now: float) -> None:
        """Note a copy that the candidate answered."""
        self.candidate_requests += 1
        if theirs is not None:
            self.pairs.candidates(theirs, now)
            if ours is not None:
                self.pairs.both(ours, theirs)

    def copy_failed(self, *, late: bool) -> None:
        """Note a copy whose answer was an error, or none in time: this pod's own was good."""
        self.candidate_requests += 1
        self.candidate_errors += not late
        self.candidate_late += late

    def describe(self) -> dict[str, object]:
        """Return `evidence` of the state document."""
        outputs = {"outputs": [], "worst": []} if self.compared is None else self.compared.describe()
        return {
            "course": self.course,
            "stable": {"requests": self.stable_requests, "errors": self.stable_errors},
            "candidate": {
                "requests": self.candidate_requests,
                "errors": self.candidate_errors,
                "late": self.candidate_late,
            },
            **self.pairs.describe(),
            **outputs,
        }
