"""How much memory this process holds, and how that grew with the requests it answered.

Counted is memory that belongs to no file (`RssAnon` of proc(5)). A leak is such memory; and it cannot be taken away
from a process, so that it is what a container's limit ends it for. Pages of files, such as weights that are mapped,
come and go with what else the node does. It is read off /proc/self/statm, as resident less shared pages: that takes
10 µs, where smaps_rollup walks all page tables, which takes milliseconds in a process of some GB and holds up its
threads meanwhile. Newer kernels round statm by up to some MB on nodes of many CPUs; who judges growth looks for more
than that.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

from onnx_server import cgroups

SAMPLES = 32
"""The most samples that are kept."""
FIRST_INTERVAL = 8
"""Requests between two samples, more or less, until there are SAMPLES; then every second one is left out, and so on."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# cgroup v1 says so where there is no limit: the largest number of whole pages in a signed 64-bit integer.
_NO_LIMIT = (1 << 63) - (1 << 16)


class Memory:
    """Of one process; it belongs to the event loop. The first sample is taken by `begin`, the others by `ran`."""

    def __init__(
        self, root: Path = cgroups.ROOT, read: Callable[[], int] | None = None, dice: random.Random | None = None
    ) -> None:
        """Look for /proc and /sys in `root`. `read` returns the bytes that are held, if not /proc/self/statm does."""
        self._dice = dice or random.Random()  # noqa: S311  no secret
        self._root = root
        self._read = read or (lambda: held_bytes(root))
        self._samples: list[tuple[int, int]] = []
        self._interval = FIRST_INTERVAL
        self._requests = 0
        self._due = FIRST_INTERVAL

    def begin(self) -> None:
        """Take the first sample: a model is loaded and warmed up. Of several models the first one counts."""
        if not self._samples:
            self._sample()

    def ran(self, requests: int) -> None:
        """Count requests that ran, in one batch."""
        self._requests += requests
        if self._requests >= self._due:
            self._sample()

    def _sample(self) -> None:
        self._samples.append((self._requests, self._read()))
        if len(self._samples) > SAMPLES:
            # The first one, which all others are compared with, stays.
            self._samples = self._samples[::2]
            self._interval *= 2
        # By half an interval earlier or later: what rises and falls as regularly must not look as if it rose only.
        self._due = self._requests + max(1, round(self._interval * self._dice.uniform(0.5, 1.5)))

    def describe(self) -> dict[str, object]:
        """Return `memory` of docs/contract.md."""
        return {
            "bytes": self._read(),
            "limitBytes": limit_bytes(self._root),
            "samples": [list(sample) for sample in self._samples],
        }


def held_bytes(root: Path = cgroups.ROOT) -> int:
    """Return the bytes that this process holds and that belong to no file; 0 where /proc does not say."""
    try:
        _, resident, shared, *_ = (root / "proc/self/statm").read_text().split()
        return max(0, int(resident) - int(shared)) * _PAGE_BYTES
    except (OSError, ValueError):
        return 0


def limit_bytes(root: Path = cgroups.ROOT) -> int | None:
    """Return the tightest memory limit of this process's cgroup and its ancestors, in bytes; None without one."""
    limits = [limit for each in cgroups.directories("memory", root) if (limit := _limit_of(each)) is not None]
    return min(limits, default=None)


def free_bytes(root: Path = cgroups.ROOT) -> int | None:
    """Return what this process's cgroup and its ancestors may take besides what they hold; None without a limit.

    Held is what the kubelet calls the working set: all but pages of files that were not used for long.
    """
    free = []
    for directory in cgroups.directories("memory", root):
        limit, held = _limit_of(directory), _held_by(directory)
        if limit is not None and held is not None:
            free.append(max(0, limit - held))
    return min(free, default=None)


def _held_by(directory: Path) -> int | None:
    for usage, inactive in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
        try:
            held = int((directory / usage).read_text())
            lines = (directory / "memory.stat").read_text().splitlines()
        except (OSError, ValueError):
            continue
        return held - next((int(line.split()[1]) for line in lines if line.split()[0] == inactive), 0)
    return None


def _limit_of(directory: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            text = (directory / name).read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() and int(text) < _NO_LIMIT else None
    return None
