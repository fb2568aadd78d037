"""How much a client may ask for besides calls: floods of PING, SETTINGS, empty frames, resets (RFC 9113 §10.5)."""

import time


class Budget:
    """A store of allowance: `burst` at first and at most, refilled by time and by useful work.

    Healthy clients send control frames in proportion to their work: grpc-go and grpc-core ping as often as once in a
    round trip while answers come, to measure the bandwidth. So no rate in time alone tells them from a flood.
    """

    __slots__ = ("_burst", "_left", "_rate", "_since", "_work")

    def __init__(self, burst: int, per_second: int) -> None:
        self._burst = self._left = burst
        self._rate = per_second
        self._since = time.monotonic()
        self._work = 0

    def spend(self, cost: int, work: int) -> bool:
        """Return whether there is allowance for `cost`; `work` is what useful work has earned in all so far."""
        self._left -= cost
        if self._left >= 0:
            return True
        now = time.monotonic()
        earned = int((now - self._since) * self._rate) + work - self._work
        self._left = min(self._left + earned, self._burst)
        self._since, self._work = now, work
        return self._left >= 0
