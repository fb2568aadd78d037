"""How often one object is repaired: somebody who changes it as often as we do must not make a hot loop of it."""

from collections.abc import Callable

Key = tuple[str, str, str]

BURST = 20
EVERY = 1.0  # seconds


class Repairs:
    """A token bucket an object: ``BURST`` writes at once, then one every ``EVERY`` seconds. ``clock`` is monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent: dict[Key, tuple[float, float]] = {}
        self._forget_at = 1000

    def allow(self, key: Key) -> bool:
        """Return whether the object may be written once more, and count it if so."""
        now = self._clock()
        spent, at = self._spent.get(key, (0.0, now))
        spent = max(0.0, spent - (now - at) / EVERY)
        if spent > BURST - 1:
            return False
        self._spent[key] = (spent + 1, now)
        if len(self._spent) > self._forget_at:
            self._forget_idle(now)
        return True

    def _forget_idle(self, now: float) -> None:
        self._spent = {key: (spent, at) for key, (spent, at) in self._spent.items() if now - at < BURST * EVERY}
        self._forget_at = max(1000, 2 * len(self._spent))
