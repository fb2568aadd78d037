"""CPU seconds and memory of processes, as /proc has them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster import processes
from tests.cluster.paths import RunDir

TICKS: Final = os.sysconf("SC_CLK_TCK")
ELSEWHERE: Final = "(elsewhere)"
"""What others use of the machine while something is measured: where it is much, times mean little."""

MIB: Final = 1024  # of KiB, in which /proc speaks


@dataclass(frozen=True)
class Used:
    """CPU seconds that a process has used since it began."""

    pid: int
    seconds: float


def cpu_seconds(pid: int) -> float:
    """Return what a process has used, of all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid: int) -> float:
    """Return the most memory that a process ever had resident (VmHWM), in MiB."""
    return _field(Path(f"/proc/{pid}/status"), "VmHWM:") / MIB


def proportional_mib(pid: int) -> float:
    """Return the resident memory that is a process's own, shared pages by their share (PSS), in MiB."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / MIB


def machine_seconds() -> float:
    """Return what all processes of the machine have used since it booted, and what other machines took from it."""
    user, nice, system, _, _, irq, softirq, steal, *_ = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(part) for part in (user, nice, system, irq, softirq, steal)) / TICKS


def snapshot(run: RunDir, others: Mapping[str, int]) -> dict[str, Used]:
    """Return what each daemon of a control plane, the benchmark, and each of `others` (name to pid) has used.

    `ELSEWHERE` is what the rest of the machine used.
    """
    pids = {record.name: record.pid for record in processes.recorded(run.pids) if record.alive()}
    pids |= {"benchmark": os.getpid(), **others}
    used = {name: Used(pid, cpu_seconds(pid)) for name, pid in pids.items()}
    return used | {ELSEWHERE: Used(0, machine_seconds())}


def between(before: Mapping[str, Used], after: Mapping[str, Used]) -> dict[str, float]:
    """Return the CPU seconds by name; a process that is new since counts from its start."""
    spent = _differences(before, after)
    elsewhere = spent.pop(ELSEWHERE) - sum(spent.values())
    return {**spent, ELSEWHERE: round(max(0.0, elsewhere), 2)}


def _differences(before: Mapping[str, Used], after: Mapping[str, Used]) -> dict[str, float]:
    spent = {}
    for name, used in after.items():
        earlier = before.get(name)
        same = earlier is not None and earlier.pid == used.pid
        spent[name] = round(used.seconds - (earlier.seconds if earlier and same else 0.0), 2)
    return spent


def _field(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise ValueError(f"{file} has no {name}")
