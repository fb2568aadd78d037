"""What the processes of a scenario use: CPU seconds by name, and memory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.proc import cpu_seconds, kibibytes, machine_seconds
from tests.cluster import processes
from tests.cluster.paths import RunDir

ELSEWHERE: Final = "(elsewhere)"
"""What others use of the machine while something is measured: where it is much, times mean little."""

MIB: Final = 1024  # of KiB, in which /proc speaks


@dataclass(frozen=True)
class Used:
    """CPU seconds that a process has used since it began."""

    pid: int
    seconds: float


def peak_mib(pid: int) -> float:
    """Return the most memory that a process ever had resident (VmHWM), in MiB."""
    return kibibytes(Path(f"/proc/{pid}/status"), "VmHWM") / MIB


def proportional_mib(pid: int) -> float:
    """Return the resident memory that is a process's own, shared pages by their share (PSS), in MiB."""
    return kibibytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") / MIB


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
