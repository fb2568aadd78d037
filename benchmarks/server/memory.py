"""Memory of a process and all that it started."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.proc import descendants, kibibytes

MB: Final = 1e6 / 1024
"""Of the 1,024 bytes in which /proc speaks."""


@dataclass(frozen=True)
class Memory:
    """MB (10^6 bytes) of all processes together: `pss` counts a shared page by shares, `rss` in each process fully."""

    pss: float
    rss: float


def memory(pid: int) -> Memory:
    """Return what the process and all below it hold now."""
    rollups = [Path(f"/proc/{process}/smaps_rollup") for process in descendants(pid)]
    return Memory(*(sum(kibibytes(rollup, name) for rollup in rollups) / MB for name in ("Pss", "Rss")))
