"""CPU seconds and memory of processes and of the machine, as /proc has them."""

import os
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return what a process has used, of all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_seconds() -> float:
    """Return what all processes of the machine have used since it booted, and what other machines took from it."""
    user, nice, system, _, _, irq, softirq, steal, *_ = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(part) for part in (user, nice, system, irq, softirq, steal)) / TICKS


def kibibytes(file: Path, name: str) -> int:
    """Return a line of a file such as `/proc/PID/status`. Raises ValueError if it has no such line."""
    for line in file.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(f"{file} has no {name}")


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
