"""The table of scenarios that the rollout tests print at their end."""

from dataclasses import dataclass

HEADERS = (
    "scenario",
    "requests",
    "lost",
    "answered by candidate",
    "added p99, ms",
    "fault to weight 0, s",
    "model loads",
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


ROWS: list[Row] = []
"""What this session's scenarios came to."""


def table(rows: list[Row]) -> list[str]:
    """Return the table as lines of Markdown."""
    cells = [HEADERS, *(row.cells() for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADERS))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in cells]
    return [lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]]
