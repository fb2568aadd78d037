"""The queue before one model: what runs next, and together with what. Pure: the caller tells the time.

Levels of priority are strict. Within a level, requests of about the same size (run_times.size_class) form a lane, first
in, first out, and the lanes share the model by start-time fair queueing (P. Goyal, H. Vin, H. Cheng: "Start-time Fair
Queuing", SIGCOMM 1996): each lane has a virtual time, which a run of its requests moves on by the seconds that the run
is expected to take, and then took; the lane that is behind comes first; a lane that was empty starts where the others
are. So a small request that finds its lane empty waits for no more than what runs and the lanes that tie with its own,
a flood of large ones gets no more than its share, and no lane starves.
"""

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from onnx_server.engine.run_times import RunTimes, size_class

# How many requests of other groups a batch is filled past: what one take costs the event loop is bounded.
_LOOK_AHEAD = 256
# Before any run was seen, a nanosecond an element: no lane is free of charge.
_UNKNOWN_SECONDS = 1e-9


class QueueFullError(Exception):
    """The queue is full, and nothing in it has to leave for what was offered."""


@dataclass(slots=True, eq=False, kw_only=True)
class Entry:
    """What waits. Only equal `key`s run together; None runs alone. `size` is in elements, at least 1; times in seconds.

    `priority` is from 1, the most urgent; 0, and all above the queue's levels, come after those, and -1 after all.
    `lane` is the queue's own.
    """

    rows: int
    priority: int = 0
    deadline: float | None = None
    key: Hashable | None = None
    size: int = 1
    asked: float = 0.0
    lane: "_Lane[Any] | None" = field(default=None, repr=False)


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How batches are made. A single entry may be over `max_rows` and `max_size`: it then runs alone.

    `max_delay`, in seconds, is how long the first of a batch may wait for more. The smallest of the `preferred` sizes
    (in rows, ascending, none over `max_rows`), or without them `max_rows`, ends the waiting.
    """

    levels: int = 1
    max_rows: int = 1
    max_size: int | None = None
    max_delay: float = 0.0
    preferred: tuple[int, ...] = ()


@dataclass(slots=True, eq=False)
class _Level:
    """One priority: `clock` is the virtual time of the lane that was served last, `finish` the latest of all lanes."""

    number: int
    clock: float = 0.0
    finish: float = 0.0


@dataclass(slots=True, eq=False)
class _Lane(Generic[E]):
    """The entries of one level and size class."""

    level: _Level
    number: int
    entries: deque[E] = field(default_factory=deque)
    virtual: float = 0.0


@dataclass(slots=True, eq=False)
class Batch(Generic[E]):
    """Entries that run together, and their rows and elements in all; the rest is the queue's own."""

    entries: list[E]
    rows: int
    size: int
    shares: list[tuple[_Lane[E], int]] = field(default_factory=list)
    charged: float = 0.0


def _order(lane: _Lane[Any]) -> tuple[int, float, int]:
    return lane.level.number, lane.virtual, lane.number


class BatchQueue(Generic[E]):
    """A bounded queue that gives batches. Every entry leaves it exactly once: by take, expire, remove or offer."""

    def __init__(self, limits: Limits, run_times: RunTimes) -> None:
        self._limits = limits
        self._run_times = run_times
        self._max_size = math.inf if limits.max_size is None else limits.max_size
        self._levels: dict[int, _Level] = {}
        self._lanes: dict[int, _Lane[E]] = {}
        self._active: list[_Lane[E]] = []
        self.waiting = 0
        # No entry's deadline is earlier.
        self.next_deadline = math.inf
        # When to take again, after a take that gave nothing while entries wait.
        self.again = math.inf

    def offer(self, entry: E, now: float, capacity: int) -> list[E]:
        """Let `entry` wait. Returns what left to make room: the expired, or the one that it displaces.

        Where `capacity` entries wait, the expired leave; if there are none, the newest of the least urgent level,
        provided that this is less urgent than `entry`'s; else QueueFullError is raised.
        """
        priority = entry.priority
        levels = self._limits.levels
        number = priority if 0 < priority <= levels else levels + 1 + (priority < 0)
        left = self._make_room(number, now) if self.waiting >= capacity else []
        place = number << 8 | size_class(entry.size)
        lane = self._lanes.get(place) or self._new_lane(number, place)
        if not lane.entries:
            level = lane.level
            if not self._active:
                level.clock = level.finish
            lane.virtual = max(lane.virtual, level.clock)
            self._active.append(lane)
        lane.entries.append(entry)
        entry.lane = lane
        self.waiting += 1
        if entry.deadline is not None and entry.deadline < self.next_deadline:
            self.next_deadline = entry.deadline
        return left

    def remove(self, entry: E) -> bool:
        """Take `entry` out. Returns False if it does not wait."""
        lane: _Lane[E] | None = entry.lane
        if lane is None:
            return False
        lane.entries.remove(entry)
        self._gone([entry])
        return True

    def expire(self, now: float) -> list[E]:
        """Take out what is past its deadline."""
        if now < self.next_deadline:
            return []
        expired: list[E] = []
        self.next_deadline = math.inf
        for lane in self._active:
            kept: deque[E] = deque()
            for entry in lane.entries:
                if entry.deadline is not None and entry.deadline <= now:
                    expired.append(entry)
                    continue
                kept.append(entry)
                if entry.deadline is not None and entry.deadline < self.next_deadline:
                    self.next_deadline = entry.deadline
            lane.entries = kept
        self._gone(expired)
        return expired

    def take(self, now: float) -> tuple[Batch[E] | None, list[E]]:
        """Return the next batch, if one is due, and what expired. Without a batch, `again` says when one may be due."""
        expired = self.expire(now) if now >= self.next_deadline else []
        self.again = math.inf
        lanes = self._active
        if len(lanes) > 1:
            lanes = sorted(lanes, key=_order)
        for lane in lanes:
            if self._limits.max_delay == 0 or self._due(lane.entries[0], now):
                return self._batch(lane, lanes), expired
        return None, expired

    def ran(self, batch: Batch[E], seconds: float) -> None:
        """Hear how long the run of `batch` took."""
        self._run_times.learn(batch.size, seconds)
        self._charge(batch, seconds - batch.charged)

    def _batch(self, first: _Lane[E], lanes: list[_Lane[E]]) -> Batch[E]:
        head = first.entries.popleft()
        head.lane = None
        batch = Batch([head], head.rows, head.size)
        if head.key is None:
            batch.shares.append((first, head.size))
        else:
            limit = self._row_limit(head)
            for lane in (first, *(lane for lane in lanes if lane is not first)):
                before = batch.size if lane is not first else 0
                if self._fill(batch, lane, limit) or lane is first:
                    batch.shares.append((lane, batch.size - before))
        self.waiting -= len(batch.entries)
        if len(lanes) > 1:
            self._active = [lane for lane in self._active if lane.entries]
        elif not first.entries:
            self._active.clear()
        expected = self._run_times.expected(batch.size)
        batch.charged = batch.size * _UNKNOWN_SECONDS if expected is None else expected
        first.level.clock = first.virtual
        self._charge(batch, batch.charged)
        return batch

    def _fill(self, batch: Batch[E], lane: _Lane[E], limit: int) -> bool:
        """Add those of `lane` that are of the batch's group, until one does not fit. Returns whether there was one."""
        queue, key, entries = lane.entries, batch.entries[0].key, batch.entries
        skipped: list[E] = []
        count, rows, size = len(entries), batch.rows, batch.size
        while queue:
            entry = queue[0]
            if entry.key == key:
                if rows + entry.rows > limit or size + entry.size > self._max_size:
                    break
                rows += entry.rows
                size += entry.size
                entry.lane = None
                entries.append(queue.popleft())
            elif len(skipped) == _LOOK_AHEAD:
                break
            else:
                skipped.append(queue.popleft())
        queue.extendleft(reversed(skipped))
        batch.rows, batch.size = rows, size
        return len(entries) > count

    def _charge(self, batch: Batch[E], seconds: float) -> None:
        for lane, size in batch.shares:
            lane.virtual += seconds * size / batch.size
            lane.level.finish = max(lane.level.finish, lane.virtual)

    def _due(self, head: E, now: float) -> bool:
        limits, until = self._limits, head.asked + self._limits.max_delay
        target = limits.preferred[0] if limits.preferred else limits.max_rows
        if head.key is None or until <= now or self._rows_like(head) >= target:
            return True
        self.again = min(self.again, until)
        return False

    def _row_limit(self, head: E) -> int:
        if not self._limits.preferred:
            return self._limits.max_rows
        rows = self._rows_like(head) + (head.rows if head.lane is None else 0)
        return max((size for size in self._limits.preferred if size <= rows), default=self._limits.max_rows)

    def _rows_like(self, head: E) -> int:
        return sum(entry.rows for lane in self._active for entry in lane.entries if entry.key == head.key)

    def _make_room(self, number: int, now: float) -> list[E]:
        expired = self.expire(now)
        if expired:
            return expired
        lanes = [lane for lane in self._active if lane.level.number > number]
        if not lanes:
            raise QueueFullError
        newest = max(lanes, key=lambda lane: (lane.level.number, lane.entries[-1].asked)).entries.pop()
        self._gone([newest])
        return [newest]

    def _gone(self, entries: list[E]) -> None:
        for entry in entries:
            entry.lane = None
        self.waiting -= len(entries)
        self._active = [lane for lane in self._active if lane.entries]

    def _new_lane(self, number: int, place: int) -> _Lane[E]:
        level = self._levels.setdefault(number, _Level(number))
        lane = self._lanes[place] = _Lane[E](level, place)
        return lane
