"""What a check says of a candidate."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["Pass", "Fail", "Unknown"]


@dataclass(frozen=True)
class Judgement:
    """A check's verdict; of a Fail, ``reason`` is a constant and ``message`` a sentence.

    ``samples`` is how many requests it is made of.
    """

    check: str
    verdict: Verdict
    reason: str = ""
    message: str = ""
    value: str | None = None
    samples: int | None = None
