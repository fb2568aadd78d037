"""The tables of scenarios that the rollout tests print at their end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

HEADERS = (
    "scenario",
    "requests",
    "lost",
    "answered by candidate",
    "added p99, ms",
    "fault to weight 0, s",
    "model loads",
)

JUDGED_HEADERS = (
    "scenario",
    "caught by",
    "samples",
    "first step to verdict, s",
    "change to verdict, s",
    "verdict to weight 0, s",
    "highest weight",
    "requests",
    "answered by it",
    "lost",
    "wrong answers",
)


@dataclass(frozen=True)
class Row:
    """One scenario: `added` seconds at the 99th percentile, `ended` seconds from the fault until no weight was left.

    `loads` is how often the model of the candidate was loaded, and in how many pods.
    """

    name: str
    requests: int
    lost: int
    candidate: int
    added: float
    ended: float | None
    loads: str

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        ended = "-" if self.ended is None else f"{self.ended:.1f}"
        counts = (f"{self.requests:,}", str(self.lost), f"{self.candidate:,}")
        return (self.name, *counts, f"{self.added * 1000:+.1f}", ended, self.loads)


@dataclass(frozen=True)
class Judged:
    """One version that was judged: `caught` is the check that failed, if one did, and `samples` what it was made of.

    `verdict` is in seconds from its first step (in preflight: from its beginning), `changed` from the change of the
    spec; `ended` from the verdict until no weight was left, None if it never had one; `highest` is the highest weight
    in percent; `candidate` counts the answers of this version that users got, `wrong` all wrong ones.
    """

    name: str
    caught: str
    samples: int | None
    verdict: float
    changed: float
    ended: float | None
    highest: int
    requests: int
    candidate: int
    lost: int
    wrong: int

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        samples = "-" if self.samples is None else f"{self.samples:,}"
        ended = "-" if self.ended is None else f"{self.ended:.1f}"
        times = (f"{self.verdict:.1f}", f"{self.changed:.1f}", ended)
        counts = (f"{self.requests:,}", f"{self.candidate:,}", str(self.lost), str(self.wrong))
        return (self.name, self.caught, samples, *times, f"{self.highest} %", *counts)


class Cells(Protocol):
    """A row of a table."""

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""


ROWS: list[Row] = []
JUDGED: list[Judged] = []
"""What this session's scenarios came to."""


def table(headers: Sequence[str], rows: Sequence[Cells]) -> list[str]:
    """Return the table as lines of Markdown."""
    cells = [tuple(headers), *(row.cells() for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in cells]
    return [lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]]
