"""The work queue: each key once, one worker a key, failures later and later."""

import asyncio
import random
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Queue(Generic[K]):
    """Keys that want work. A key that is added while it is worked on is worked on once more afterwards.

    ``base`` and ``most`` are the first and the longest delay after a failure, in seconds.
    """

    def __init__(
        self,
        base: float = 0.5,
        most: float = 120.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: dict[K, float] = {}
        self._active: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        # Until when the API server has asked to be left alone with a key: news do not end that wait.
        self._not_before: dict[K, float] = {}
        self._base, self._most, self._jitter = base, most, jitter

    def __len__(self) -> int:
        """Return how many keys wait for a worker."""
        return len(self._waiting)

    def oldest(self) -> float:
        """Return for how many seconds the longest waiting key has waited; 0 if none waits."""
        return time.monotonic() - next(iter(self._waiting.values())) if self._waiting else 0.0

    def state(self, key: K) -> str:
        """Return what is with a key: waiting, active, later (after a failure or a delay) or idle."""
        if key in self._active:
            return "active"
        if key in self._waiting:
            return "waiting"
        return "later" if key in self._timers else "idle"

    def add(self, key: K) -> None:
        """Ask for work on a key, now; or when it may be worked on, if the API server has asked for a wait."""
        if self._not_before.get(key, 0.0) > time.monotonic():
            return
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = time.monotonic()
            self._ready.put_nowait(key)

    def add_after(self, key: K, delay: float) -> None:
        """Ask for work on a key in ``delay`` seconds, or earlier if it is asked for earlier."""
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    async def take(self) -> K:
        """Wait for a key; the caller must call ``done`` or ``failed`` with it."""
        key = await self._ready.get()
        self._waiting.pop(key, None)
        self._active.add(key)
        return key

    def done(self, key: K, again_after: float | None = None) -> None:
        """Say that the work succeeded, and optionally when to look again, in seconds."""
        self._failures.pop(key, None)
        self._release(key)
        if again_after is not None and key not in self._waiting:
            self.add_after(key, again_after)

    def failed(
        self, key: K, at_least: float | None = None, at_most: float | None = None, *, asked: float | None = None
    ) -> float:
        """Say that the work failed; it is tried again after the returned delay in seconds.

        The delay doubles with each failure, within the bounds given. News about a key end this wait, not the growth.
        But for so many seconds as the API server has ``asked`` to be left alone, news do not end it either.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest = self._most if at_most is None else min(self._most, at_most)
        delay = min(longest, self._base * 2.0 ** min(failures, 20)) * (0.5 + 0.5 * self._jitter())
        delay = max(delay, at_least or 0.0, asked or 0.0)
        if asked:
            self._not_before[key] = time.monotonic() + asked
        self._release(key)
        if key not in self._waiting:
            self.add_after(key, delay)
        return delay

    def _due(self, key: K) -> None:
        self._not_before.pop(key, None)
        self.add(key)

    def _release(self, key: K) -> None:
        self._active.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
