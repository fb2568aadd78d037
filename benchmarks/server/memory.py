"""Memory of a process and all that it started."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """MB (10^6 bytes) of all processes together: `pss` counts a shared page by shares, `rss` in each process fully."""

    pss: float
    rss: float


def descendants(pid: int) -> list[int]:
    """Return the process and all below it, parents first."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for task in Path(f"/proc/{current}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in task.read_text().split()]
            except OSError:  # the thread has ended
                continue
    return found


def memory(pid: int) -> Memory:
    """Return what the process and all below it hold now."""
    rollups = [Path(f"/proc/{process}/smaps_rollup").read_text() for process in descendants(pid)]
    return Memory(*(sum(kilobytes(rollup, name) for rollup in rollups) * 1024 / 1e6 for name in ("Pss", "Rss")))


def kilobytes(rollup: str, name: str) -> int:
    """Return one line's value, in units of 1,024 bytes. Pure."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", rollup, re.MULTILINE)
    return int(found[1]) if found else 0
