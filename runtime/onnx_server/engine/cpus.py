"""How many CPUs this process may use: ONNX Runtime's thread pool knows neither cgroup quotas nor affinity."""

import os
from dataclasses import dataclass
from pathlib import Path

from onnx_server import cgroups
from onnx_server.settings.batching import ThreadSettings

ROOT = cgroups.ROOT


@dataclass(frozen=True)
class Threads:
    """Thread counts for a session. `spinning` is off under a quota: spinning threads use it up and get throttled."""

    intra_op: int
    inter_op: int
    spinning: bool


def plan(available: int | None = None, root: Path = ROOT) -> Threads:
    """Return the threads for one session.

    A quota of 2.5 CPUs gives 2 threads: the threads of one operator wait for each other, so that one more than the
    quota carries would stall all of them for the rest of each period.
    """
    if available is None:
        available = len(os.sched_getaffinity(0))
    quota = quota_cpus(root)
    count = available if quota is None else max(1, min(available, int(quota)))
    return Threads(intra_op=count, inter_op=1, spinning=quota is None)


def share(threads: Threads, instances: int, asked: ThreadSettings) -> Threads:
    """Return the threads of each of `instances` sessions that run at once; what was asked for overrides the plan."""
    return Threads(
        intra_op=asked.intra_op or max(1, threads.intra_op // instances),
        inter_op=asked.inter_op or threads.inter_op,
        spinning=threads.spinning if asked.spinning == "Auto" else asked.spinning == "On",
    )


def quota_cpus(root: Path = ROOT) -> float | None:
    """Return the tightest CPU quota of this process's cgroup and its ancestors, in CPUs; None without one.

    `root` is where /proc and /sys are looked for. Reads cgroup v2's cpu.max and v1's cpu.cfs_quota_us.
    """
    quotas = [quota for directory in cgroups.directories("cpu", root) if (quota := _quota_of(directory)) is not None]
    return min(quotas, default=None)


def _quota_of(directory: Path) -> float | None:
    try:
        quota, period = (directory / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (directory / "cpu.cfs_quota_us").read_text().strip()
            period = (directory / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in {"max", "-1"} or not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)
