"""What a process that runs only while others leave the CPU to it takes from these all the same."""

import os
from dataclasses import dataclass
from pathlib import Path

BUSY = 30.0
"""A process of SCHED_IDLE that waits so many times as long as it runs takes all of that from others. Of a core that is
always busy it gets one part in 300 (Linux weighs it 3 against 1,024). Where others leave a tenth of the time it waits
nine times as long as it runs, and they hardly for it."""
_NANOSECONDS = 1e-9


@dataclass(frozen=True, slots=True)
class Contended:
    """So many seconds of the CPU were taken from others, in so many turns: some of what it ran, the same of either."""

    seconds: float = 0.0
    turns: float = 0.0


NOTHING = Contended()


class Contention:
    """Of the main thread. It knows of none where the system does not tell how long a thread waited for the CPU.

    The file is described in Linux's Documentation/scheduler/sched-stats.rst: nanoseconds of running and of waiting for
    it, and turns.
    """

    def __init__(self, schedstat: Path = Path("/proc/self/schedstat")) -> None:
        """Begin now."""
        try:
            self._file: int | None = os.open(schedstat, os.O_RDONLY)
        except OSError:
            self._file = None
        self._before = self._now()

    def since(self) -> Contended:
        """Return what it took since this was last asked."""
        before, self._before = self._before, self._now()
        ran, waited, turns = (now - then for now, then in zip(self._before, before, strict=True))
        share = min(1.0, waited / (BUSY * ran)) if ran else 0.0
        return Contended(ran * share * _NANOSECONDS, turns * share)

    def _now(self) -> tuple[int, int, int]:
        if self._file is None:
            return 0, 0, 0
        ran, waited, turns = map(int, os.pread(self._file, 64, 0).split())
        return ran, waited, turns
