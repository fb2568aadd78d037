"""What copies may take: how many at once, of how many bytes, and how much of this pod's time. Pure."""

from typing import Literal

from onnx_server.traffic.mirror.contention import NOTHING, Contended

Full = Literal["inFlight", "bytes"]

SHARE = 0.01
"""Of one core, for copies on average, those of the process that compares included.

Runs of the model for copies have as much beside it.
"""
CREDIT_SECONDS = 5.0
"""For how long unused time is kept: so much of it may be spent at once. It is some 100 copies."""
USUAL_SECONDS = 500e-6
"""What a copy is taken to cost as long as it is under way, so that the next one waits its turn: two at once hold up the
same requests twice as long."""

FREE = 200
"""So many copies of a course go as fast as the rest allows: twice what a shadow step wants by default."""
QUICK_SECONDS = 2e-3
"""A request that takes less is held up by a copy for more than a tenth of its time: it would be among the slowest."""
MOMENTS = 3
"""At which a copy holds up all requests that are under way: it is drawn, handed over, and its result is heard."""
LASTING = 2.0
"""For so many times as long as a copy takes, those who come are held up until a busy pod has caught up: reckoned."""
HELD_SHARE = 0.0004
"""Of quick requests so many are held up after that on average, as reckoned below: a twenty-fifth of the slowest
hundredth. Where the share that takes longer than t falls as 1/t, as on a machine that pauses now and then, the 99th
percentile grows by 4 % with that; where it falls faster, by less."""
LONGEST_SECONDS = 20.0
"""A pause is no longer: a pod that leaves no CPU idle is to be heard of, too."""


class Ledger:
    """SHARE of the time, and what of it is spent. Seconds are those of time.monotonic()."""

    def __init__(self) -> None:
        self._due = 0.0

    def spent(self, now: float) -> bool:
        """Return whether nothing may begin now."""
        return now < self._due

    @property
    def due(self) -> float:
        """From when on something may begin."""
        return self._due

    def spend(self, seconds: float, now: float) -> None:
        """Pay for what begins, or has just ended; less than nothing is paid back."""
        self._due = max(self._due, now - CREDIT_SECONDS) + seconds / SHARE

    def rest(self) -> None:
        """Have all the credit there can be."""
        self._due = 0.0


class Room:
    """Bounds that may change while copies are under way. Seconds are those of time.monotonic()."""

    def __init__(self) -> None:
        self.max_in_flight = 0
        self.max_bytes = 0
        self.in_flight = 0
        self.bytes = 0
        self._ledger = Ledger()
        self._free = FREE
        self._next = 0.0

    @property
    def crowded(self) -> bool:
        """Whether as many as may be are under way."""
        return self.in_flight >= self.max_in_flight

    def full(self, now: float) -> bool:
        """Return whether no copy may begin now: too many are under way, or took too much time."""
        return self.in_flight >= self.max_in_flight or self._ledger.spent(now) or now < self._next

    @property
    def next(self) -> float:
        """Before that no copy may begin, whatever else there is room for."""
        return max(self._ledger.due, self._next)

    def take(self, size: int, request: float, now: float) -> bool:
        """Let a copy of `size` bytes begin, if there is room for these, of a `request` that took so many seconds."""
        if self.bytes + size > self.max_bytes:
            return False
        self._ledger.spend(USUAL_SECONDS, now)
        if self._free:
            self._free -= 1
        else:
            self._next = now + pause(request)
        self.in_flight += 1
        self.bytes += size
        return True

    def rest(self) -> None:
        """Have all the credit there can be."""
        self._ledger.rest()
        self._free, self._next = FREE, 0.0

    def give(self, size: int, request: float, seconds: float, now: float, contended: Contended = NOTHING) -> None:
        """A copy that `take` let begin is over; it took `seconds` of this pod's time, and what is `contended`."""
        self.in_flight -= 1
        self.bytes -= size
        self._ledger.spend(seconds - USUAL_SECONDS, now)
        if not self._free:
            self._next = max(self._next, now) + pause(request, contended) - pause(request)


def pause(request: float, contended: Contended = NOTHING) -> float:
    """Return for how many seconds no other copy begins after one of a `request` that took so many.

    Any request may be copied, so as many are under way at a moment as come while the usual one is: of those that come
    in t seconds, a moment holds up a share of `request` / t. So does each turn in which another process that copies
    takes the CPU from requests, as far as it is `contended`.
    """
    taken = max(USUAL_SECONDS, contended.share * contended.seconds)
    held = (MOMENTS + contended.share * contended.turns) * request + LASTING * taken
    return min(LONGEST_SECONDS, held / HELD_SHARE) if request < QUICK_SECONDS else 0.0
