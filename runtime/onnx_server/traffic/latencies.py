"""How long this pod's own answers take, and so how long a candidate is waited for."""

from collections import deque
from collections.abc import Callable

WINDOW = 512
ENOUGH = 20
_ANEW = 32
# A candidate that shares a busy core may be held up for some tens of milliseconds, which says nothing of it.
LEAST_SECONDS = 0.05
UNKNOWN_SECONDS = 1.0
TIMES = 3.0


class RecentLatencies:
    """The last 512 durations, in seconds. `usual` is what 99 of 100 took before any is noted, if that is known."""

    def __init__(self) -> None:
        self.usual: float | None = None
        self._last: deque[float] = deque(maxlen=WINDOW)
        # Those of which the quantile knows nothing yet.
        self._new: deque[float] = deque(maxlen=WINDOW)
        self._quantile: float | None = None
        self.observe: Callable[[float], None] = self._new.append
        """Note one more."""

    def hedge_delay(self, left: float | None = None) -> float:
        """Return after how many seconds without a candidate's answer this pod begins to answer itself.

        `left` is how long the client still waits, if that is known: half of it is kept for the own answer.
        """
        # Sorting for each request would cost more than the request.
        if self._quantile is None or len(self._new) >= _ANEW:
            self._last.extend(self._new)
            self._new.clear()
            self._quantile = self._p99()
        usual = self.usual if self._quantile is None else self._quantile
        delay = UNKNOWN_SECONDS if usual is None else max(LEAST_SECONDS, TIMES * usual)
        return delay if left is None else min(delay, max(0.0, left / 2))

    def _p99(self) -> float | None:
        if len(self._last) < ENOUGH:
            return None
        ascending = sorted(self._last)
        return ascending[min(len(ascending) - 1, len(ascending) * 99 // 100)]
