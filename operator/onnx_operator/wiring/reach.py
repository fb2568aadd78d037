"""Whether the API server answers this process: who is not answered sees nothing, and is not ready."""

import time
from collections.abc import Callable

# Even a short Lease leaves a busy API server some seconds.
SHORTEST_SILENCE = 5.0


class Reach:
    """Told of every request. The Lease is read every second or two, so silence says something.

    ``silence`` is for how many seconds there may be no answer before the API server counts as out of reach.
    """

    def __init__(self, silence: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._silence, self._clock = max(silence, SHORTEST_SILENCE), clock
        self._answered_at = float("-inf")

    def request(self, method: str, resource: str, code: int) -> None:
        """Take note of a request's HTTP status (0: no answer)."""
        if 0 < code < 500 and code != 401:
            self._answered_at = self._clock()

    def is_reached(self) -> bool:
        """Return whether an answer came lately."""
        return self._clock() - self._answered_at < self._silence
