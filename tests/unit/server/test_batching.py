"""The queue before a model, with a clock of our own: what runs next, together with what, and what never runs."""

import math
from collections.abc import Callable, Hashable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx_server.engine.batching import Batch, BatchQueue, Entry, Limits, QueueFullError
from onnx_server.engine.run_times import RunTimes, size_class

LEVELS = 2
FREE = 10**6


def queue_of(run_times: RunTimes | None = None, **limits: Any) -> BatchQueue[Entry]:
    return BatchQueue(Limits(levels=LEVELS, **limits), run_times or RunTimes())


def entry(rows: int = 1, key: Hashable = "a", **fields: Any) -> Entry:
    return Entry(rows=rows, key=key, **({"size": rows} | fields))


def level(waiting: Entry) -> int:
    return waiting.priority if 0 < waiting.priority <= LEVELS else LEVELS + (2 if waiting.priority < 0 else 1)


def taken(queue: BatchQueue[Entry], now: float = 0.0) -> list[Entry]:
    batch, _ = queue.take(now)
    return [] if batch is None else batch.entries


limits_of_any_kind = st.builds(
    lambda max_rows, max_size, max_delay, preferred: Limits(
        levels=LEVELS,
        max_rows=max_rows,
        max_size=max_size,
        max_delay=max_delay,
        preferred=tuple(sorted(size for size in preferred if size <= max_rows)),
    ),
    st.integers(1, 8),
    st.none() | st.integers(1, 40),
    st.sampled_from([0.0, 0.0, 3.0]),
    st.sets(st.integers(1, 8), max_size=2),
)
operations = st.one_of(
    st.tuples(
        st.just("offer"),
        st.builds(
            Entry,
            rows=st.integers(0, 10),
            priority=st.integers(-1, 4),
            deadline=st.none() | st.integers(0, 30).map(float),
            key=st.sampled_from(["a", "a", "b", None]),
            size=st.integers(1, 70),
        ),
    ),
    st.tuples(st.just("remove"), st.integers(0, 50)),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("pass"), st.integers(1, 5)),
)


class Checked:
    """A queue whose every answer is held against what it must have in it."""

    def __init__(self, limits: Limits, capacity: int) -> None:
        self.queue = BatchQueue[Entry](limits, RunTimes())
        self.limits = limits
        self.capacity = capacity
        self.offered: list[Entry] = []
        self.waiting: list[Entry] = []
        self.now = 0.0

    def offer(self, new: Entry) -> None:
        if new in self.offered:
            return
        new.asked = self.now
        try:
            left = self.queue.offer(new, self.now, self.capacity)
        except QueueFullError:
            assert len(self.waiting) == self.capacity
            assert all(level(each) <= level(new) and not self.is_late(each) for each in self.waiting)
            return
        assert all(self.is_late(each) or level(each) > level(new) for each in left)
        assert not left or len(self.waiting) == self.capacity
        self.offered.append(new)
        self.leave(left)
        self.waiting.append(new)

    def remove(self, index: int) -> None:
        if self.offered:
            chosen = self.offered[index % len(self.offered)]
            waits = chosen in self.waiting
            assert self.queue.remove(chosen) == waits
            self.leave([chosen] if waits else [])

    def take(self) -> Batch[Entry] | None:
        batch, expired = self.queue.take(self.now)
        assert all(self.is_late(each) for each in expired)
        self.leave(expired)
        if batch is None:
            assert not self.waiting or self.limits.max_delay > 0
            assert self.queue.again > self.now
            return None
        self.check(batch)
        self.leave(batch.entries)
        return batch

    def check(self, batch: Batch[Entry]) -> None:
        head = batch.entries[0]
        assert batch.rows == sum(each.rows for each in batch.entries)
        assert batch.size == sum(each.size for each in batch.entries)
        assert not any(self.is_late(each) for each in batch.entries)
        if len(batch.entries) > 1:
            assert batch.rows <= self.limits.max_rows
            assert batch.size <= (self.limits.max_size or math.inf)
            assert head.key is not None
            assert {each.key for each in batch.entries} == {head.key}
        if self.limits.max_delay == 0:
            assert level(head) == min(level(each) for each in self.waiting)
        # First in, first out among those that are alike.
        for each in batch.entries:
            alike = [other for other in self.waiting if kind(other) == kind(each)]
            assert alike.index(each) < sum(kind(other) == kind(each) for other in batch.entries)

    def leave(self, entries: list[Entry]) -> None:
        for each in entries:
            self.waiting.remove(each)
            assert each.lane is None

    def is_late(self, each: Entry) -> bool:
        return each.deadline is not None and each.deadline <= self.now


@settings(max_examples=400, deadline=None)
@given(limits_of_any_kind, st.integers(1, 6), st.lists(operations, max_size=60))
def test_every_entry_leaves_exactly_once_and_by_the_rules(
    limits: Limits, capacity: int, steps: list[tuple[str, Any]]
) -> None:
    checked = Checked(limits, capacity)
    for step, argument in steps:
        if step == "pass":
            checked.now += argument
        elif step == "take":
            checked.take()
        elif step == "remove":
            checked.remove(argument)
        else:
            checked.offer(argument)
        assert checked.queue.waiting == len(checked.waiting) <= capacity
    # What is left runs or expires: nothing is forgotten.
    while checked.waiting:
        before = len(checked.waiting)
        if checked.take() is None and len(checked.waiting) == before:
            assert checked.queue.again < math.inf
            checked.now = checked.queue.again
    assert taken(checked.queue, checked.now) == []


def kind(each: Entry) -> tuple[int, int, object]:
    return level(each), size_class(each.size), each.key


def test_a_batch_takes_what_is_queued_and_not_more_than_fits() -> None:
    queue = queue_of(max_rows=4)
    entries = [entry(rows) for rows in (1, 2, 2, 1)]
    for each in entries:
        queue.offer(each, 0.0, FREE)
    assert taken(queue) == entries[:2]
    assert taken(queue) == entries[2:]


def test_groups_do_not_mix_and_keep_their_turn() -> None:
    queue = queue_of(max_rows=8)
    a, b, c, d = entry(key="a"), entry(key="b"), entry(key="a"), entry(key="b")
    for each in (a, b, c, d):
        queue.offer(each, 0.0, FREE)
    assert taken(queue) == [a, c]
    assert taken(queue) == [b, d]


def test_what_cannot_be_batched_runs_alone() -> None:
    queue = queue_of(max_rows=8)
    alone, other = entry(key=None), entry(key=None)
    queue.offer(alone, 0.0, FREE)
    queue.offer(other, 0.0, FREE)
    assert taken(queue) == [alone]
    assert taken(queue) == [other]


def test_a_request_larger_than_the_largest_batch_runs_alone() -> None:
    queue = queue_of(max_rows=4)
    large, small = entry(9), entry(1)
    queue.offer(large, 0.0, FREE)
    queue.offer(small, 0.0, FREE)
    assert taken(queue) == [small]
    assert taken(queue) == [large]


def test_elements_bound_a_batch_too() -> None:
    queue = queue_of(max_rows=64, max_size=100)
    entries = [entry(1, size=40) for _ in range(5)]
    for each in entries:
        queue.offer(each, 0.0, FREE)
    assert [len(taken(queue)) for _ in range(3)] == [2, 2, 1]


def test_urgent_ones_first_and_unknown_priorities_last_but_for_what_nobody_waits_for() -> None:
    queue = queue_of()
    entries = {priority: entry(key=None, priority=priority) for priority in (-1, 0, 7, 2, 1)}
    for each in entries.values():
        queue.offer(each, 0.0, FREE)
    order = [entries[priority] for priority in (1, 2, 0, 7, -1)]
    assert [taken(queue)[0] for _ in range(5)] == order


def test_what_nobody_waits_for_leaves_a_full_queue_first() -> None:
    queue = queue_of()
    nobody, somebody = entry(priority=-1), entry()
    assert queue.offer(nobody, 0.0, 1) == []
    assert queue.offer(somebody, 0.0, 1) == [nobody]
    assert taken(queue) == [somebody]


def test_less_urgent_ones_fill_an_urgent_batch() -> None:
    queue = queue_of(max_rows=2)
    later, urgent, last = entry(), entry(priority=1), entry()
    for each in (later, urgent, last):
        queue.offer(each, 0.0, FREE)
    assert taken(queue) == [urgent, later]


def test_a_delay_waits_for_more_until_the_first_has_waited_long_enough() -> None:
    queue = queue_of(max_rows=4, max_delay=1.0)
    queue.offer(entry(asked=10.0), 10.0, FREE)
    assert taken(queue, 10.0) == []
    assert queue.again == 11.0
    queue.offer(entry(asked=10.9), 10.9, FREE)
    assert taken(queue, 10.9) == []
    assert len(taken(queue, 11.0)) == 2


@pytest.mark.parametrize(("preferred", "enough", "first"), [((), 4, 4), ((2, 3), 2, 2), ((3,), 5, 3)])
def test_a_preferred_size_ends_the_delay_and_cuts_the_queue(
    preferred: tuple[int, ...], enough: int, first: int
) -> None:
    queue = queue_of(max_rows=4, max_delay=1.0, preferred=preferred)
    for _ in range(enough):
        queue.offer(entry(asked=0.0), 0.0, FREE)
    assert len(taken(queue, 0.0)) == first


def test_a_delayed_group_does_not_hold_up_what_is_due() -> None:
    queue = queue_of(max_rows=4, max_delay=1.0)
    waits, alone = entry(1, asked=0.0), entry(1, key=None, size=1000, asked=0.0)
    queue.offer(waits, 0.0, FREE)
    queue.offer(alone, 0.0, FREE)
    assert taken(queue, 0.0) == [alone]
    assert taken(queue, 0.0) == []


def test_the_expired_make_room_first_and_an_urgent_one_displaces_the_newest_of_the_last_level() -> None:
    queue = queue_of()
    old, new, expires = entry(asked=0.0), entry(asked=1.0), entry(asked=0.5, priority=2, deadline=5.0)
    for each in (old, expires, new):
        queue.offer(each, each.asked, 3)
    with pytest.raises(QueueFullError):
        queue.offer(entry(), 2.0, 3)
    assert queue.offer(entry(priority=1), 2.0, 3) == [new]
    assert queue.offer(entry(), 6.0, 3) == [expires]


def test_a_deadline_is_known_without_a_run() -> None:
    queue = queue_of()
    late, later, never = entry(deadline=3.0), entry(deadline=9.0), entry()
    for each in (later, late, never):
        queue.offer(each, 0.0, FREE)
    assert queue.next_deadline == 3.0
    assert queue.expire(2.9) == []
    assert queue.expire(3.0) == [late]
    assert queue.next_deadline == 9.0
    assert queue.expire(100.0) == [later]
    assert queue.next_deadline == math.inf
    assert taken(queue) == [never]


class Simulation:
    """Instances that run what the queue gives, each run as long as `cost` says; entries arrive at their `asked`."""

    def __init__(self, cost: Callable[[int], float], *, instances: int = 1, **limits: Any) -> None:
        self.run_times = RunTimes()
        self.queue = queue_of(self.run_times, **limits)
        self.cost = cost
        self.free_at = [0.0] * instances

    def waits(self, arrivals: list[Entry]) -> dict[Entry, float]:
        """Return how long each entry waited for its run."""
        arrivals = sorted(arrivals, key=lambda each: each.asked)
        waited: dict[Entry, float] = {}
        while len(waited) < len(arrivals):
            self.free_at.sort()
            now = self.free_at[0]
            if not self.queue.waiting:
                now = max(now, min(each.asked for each in arrivals if each.lane is None and each not in waited))
            for each in arrivals:
                if each.asked <= now and each.lane is None and each not in waited:
                    self.queue.offer(each, each.asked, FREE)
            batch, _ = self.queue.take(now)
            assert batch is not None
            seconds = self.cost(batch.size)
            self.queue.ran(batch, seconds)
            self.free_at[0] = now + seconds
            waited |= {each: now - each.asked for each in batch.entries}
        return waited


SMALL, LARGE = 10, 100_000


@pytest.mark.parametrize("instances", [1, 2])
def test_a_small_request_waits_for_one_large_run_at_most_however_many_are_queued(instances: int) -> None:
    flood = [entry(key=None, size=LARGE, asked=0.0) for _ in range(200)]
    small = [entry(key=None, size=SMALL, asked=5.0 * number + 2) for number in range(20)]
    waits = Simulation(lambda size: 1.0 if size == LARGE else 0.01, instances=instances).waits(flood + small)
    assert max(waits[each] for each in small) <= 1.0 + 1e-9


def test_small_ones_get_half_of_the_model_when_both_kinds_are_always_there() -> None:
    flood = [entry(key=None, size=LARGE, asked=0.0) for _ in range(50)]
    small = [entry(key=None, size=SMALL, asked=0.0) for _ in range(5000)]
    waits = Simulation(lambda size: 1.0 if size == LARGE else 0.01).waits(flood + small)
    # 50 s of each: in any while of it the small ones are no more than about one large run behind their half.
    for number, each in enumerate(small):
        assert waits[each] <= 2 * 0.01 * number + 3.0
    for number, each in enumerate(flood):
        assert waits[each] <= 2 * number + 3.0


def test_a_large_request_does_not_starve_when_small_ones_flood() -> None:
    small = [entry(key=None, size=SMALL, asked=0.005 * number) for number in range(4000)]
    large = [entry(key=None, size=LARGE, asked=1.0), entry(key=None, size=LARGE, asked=1.0)]
    waits = Simulation(lambda size: 1.0 if size == LARGE else 0.01).waits(small + large)
    assert max(waits[each] for each in large) <= 2.5


def test_a_lane_that_was_idle_has_no_credit_and_no_debt() -> None:
    first = [entry(key=None, size=LARGE, asked=0.0) for _ in range(30)]
    later = [entry(key=None, size=size, asked=100.0) for size in (SMALL, LARGE) for _ in range(20)]
    waits = Simulation(lambda size: 1.0 if size == LARGE else 0.01).waits(first + later)
    assert min(waits[each] for each in later if each.size == LARGE) <= 1.0
    assert max(waits[each] for each in later if each.size == SMALL) <= 1.0 + 20 * 0.01


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 200_000), st.floats(0, 50), st.sampled_from(["a", "b", None])), max_size=60),
    st.integers(1, 3),
    st.integers(1, 16),
)
def test_the_model_is_never_idle_while_something_waits(
    requests: list[tuple[int, float, str | None]], instances: int, max_rows: int
) -> None:
    arrivals = [entry(key=key, size=size, asked=asked) for size, asked, key in requests]
    waits = Simulation(lambda size: size / 1e5, instances=instances, max_rows=max_rows).waits(arrivals)
    assert len(waits) == len(arrivals)
    # Whoever waits does so behind work that was there: no more than all of it, and as much again for what it shares.
    work = sum(each.size / 1e5 for each in arrivals)
    assert all(waited <= work + 1e-6 for waited in waits.values())


def test_many_groups_take_turns_in_the_order_of_their_first() -> None:
    queue = queue_of(max_rows=64)
    entries = [entry(key=number % 300) for number in range(900)]
    for each in entries:
        queue.offer(each, 0.0, FREE)
    assert [taken(queue)[0] for _ in range(300)] == entries[:300]
