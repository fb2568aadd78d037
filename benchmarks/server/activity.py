"""What a server does when nobody asks it, and what others do on the machine meanwhile."""

import os
import time
from dataclasses import dataclass, field
from typing import Final

from benchmarks.proc import cpu_seconds, descendants, machine_seconds

PAUSE: Final = 0.2
IDLE: Final = 0.25
"""The share of a core below which a server is idle."""
PATIENCE: Final = 60.0


def wait_until_idle(pid: int) -> None:
    """Wait until a server has done with requests whose client is gone, a minute at most: the next load comes after."""
    end = time.monotonic() + PATIENCE
    before = _used(pid)
    while time.monotonic() < end:
        time.sleep(PAUSE)
        now = _used(pid)
        if now - before < IDLE * PAUSE:
            return
        before = now


def _used(pid: int) -> float:
    return sum(cpu_seconds(process) for process in descendants(pid))


def _own() -> float:
    user, system, children_user, children_system, _ = os.times()
    return user + system + children_user + children_system


@dataclass(frozen=True)
class Watch:
    """Counts since it was made what was used by others than this process and the children that it has waited for."""

    begin: float = field(default_factory=time.monotonic)
    machine: float = field(default_factory=machine_seconds)
    own: float = field(default_factory=_own)

    def elsewhere(self) -> float:
        """Return how many cores others used."""
        used = machine_seconds() - self.machine - (_own() - self.own)
        return max(0.0, used / (time.monotonic() - self.begin))
