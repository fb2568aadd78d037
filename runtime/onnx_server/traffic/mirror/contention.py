"""What a process that runs only while others leave the CPU to it takes from these all the same."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BUSY = 30.0
"""A process of SCHED_IDLE that waits so many times as long as it runs takes all of that from others. Of a core that is
always busy it gets one part in 300 (Linux weighs it 3 against 1,024). Where others leave a tenth of the time it waits
nine times as long as it runs, and they for less than a third of that."""
WINDOW_SECONDS = 1.0
"""Over so long at the least it is looked at: all that ran in one turn waited together."""
SCHEDSTAT = Path("/proc/self/schedstat")
"""Linux's Documentation/scheduler/sched-stats.rst: nanoseconds of running and of waiting for it, and turns."""
_NANOSECONDS = 1e-9

_Stat = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Contended:
    """A `share` of what a process ran was taken from others: of so many `seconds`, and of so many `turns`."""

    share: float = 0.0
    seconds: float = 0.0
    turns: int = 0


NOTHING = Contended()


class Contention:
    """Of the main thread. It knows of none where the system does not tell how long a thread waited for the CPU."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, schedstat: Path = SCHEDSTAT) -> None:
        """Begin now. `clock` gives seconds."""
        self._file = schedstat
        self._clock = clock
        self._before = self._now()
        self._windows = deque([(clock(), self._before)], maxlen=2)

    def since(self) -> Contended:
        """Return what it ran since this was last asked, and the share of the last seconds."""
        before, now, at = self._before, self._now(), self._clock()
        self._before = now
        long_ago = at >= self._windows[-1][0] + WINDOW_SECONDS
        ran, waited, _ = _passed(self._windows[-1 if long_ago else 0][1], now)
        if long_ago:
            self._windows.append((at, now))
        share = min(1.0, waited / (BUSY * ran)) if ran else 0.0
        ran, _, turns = _passed(before, now)
        return Contended(share, ran * _NANOSECONDS, turns)

    def _now(self) -> _Stat:
        try:
            ran, waited, turns = map(int, self._file.read_bytes().split())
        except (OSError, ValueError):
            return 0, 0, 0
        return ran, waited, turns


def _passed(before: _Stat, now: _Stat) -> _Stat:
    return now[0] - before[0], now[1] - before[1], now[2] - before[2]
