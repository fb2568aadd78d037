"""What a check says of a candidate."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["Pass", "Fail", "Unknown"]


@dataclass(frozen=True)
class Judgement:
    """A check's verdict; of a Fail, ``reason`` is a constant and ``message`` a sentence.

    ``samples`` is what it is made of (``message`` or docs/analysis.md say of what), ``needed`` how many a Pass takes,
    ``interval`` between what the truth is, with the check's confidence. An Unknown that ``holds`` keeps the rollout in
    its step, and its message says what is waited for; one that is ``refuted`` lacks only what could still excuse the
    candidate, and must not be let through. ``level`` is the value as a share of what is tolerated: above 1 is beyond.
    """

    check: str
    verdict: Verdict
    reason: str = ""
    message: str = ""
    value: str | None = None
    samples: int | None = None
    needed: int | None = None
    interval: str | None = None
    holds: bool = False
    refuted: bool = False
    level: float | None = None
