"""The Lease, with time in the test's hand: who may write when."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from onnx_operator.engine.guard import NotLeaderError, OnlyWhile
from onnx_operator.engine.lease import Lease, LeaseTimes
from onnx_operator.kube.errors import ConflictError, TransientError

TIMES = LeaseTimes(duration=15.0, renew_deadline=7.5, renew_every=2.0, look_every=1.0)
Object = dict[str, Any]


class Stored:
    """One Lease as the API server keeps it: created once, replaced only at the version that was read."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.version = 0
        self.reachable = True
        self.lag: Callable[[], None] = lambda: None

    async def get(self, *_: object) -> Object | None:
        self._reach()
        return None if self.lease is None else {**self.lease, "metadata": {**self.lease["metadata"]}}

    async def create(self, manifest: Object) -> Object:
        self._reach()
        if self.lease is not None:
            raise ConflictError(409, "it exists")
        return self._store(manifest)

    async def replace(self, manifest: Object) -> Object:
        self._reach()
        assert self.lease is not None
        if manifest["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ConflictError(409, "it has changed")
        return self._store(manifest)

    def _store(self, manifest: Object) -> Object:
        self.version += 1
        self.lease = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": str(self.version)}}
        return self.lease

    def _reach(self) -> None:
        self.lag()
        if not self.reachable:
            raise TransientError(0, "no route")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def replica(stored: Stored, clock: Clock, name: str) -> Lease:
    return Lease(stored, "system", "onnx-operator", name, TIMES, clock)  # type: ignore[arg-type]  # the verbs it uses


def attempt(lease: Lease) -> bool:
    return asyncio.run(lease._attempt())


def test_the_first_takes_it_and_the_second_does_not() -> None:
    stored, clock = Stored(), Clock()
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")
    assert attempt(first)
    assert not attempt(second)
    assert (first.held, second.held) == (True, False)


def test_a_holder_that_cannot_renew_stops_before_another_may_start() -> None:
    stored, clock = Stored(), Clock()
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")
    assert attempt(first)
    attempt(second)
    lost, taken = None, None
    for tenth in range(200):
        clock.now = 1000.0 + tenth / 10
        if lost is None and not first.held:
            lost = clock.now
        if taken is None and attempt(second):
            taken = clock.now
        assert not (first.held and second.held)
    assert lost == pytest.approx(1007.5, abs=0.11)
    assert taken == pytest.approx(1013.0, abs=0.11), "within the duration of the lease"


def test_a_renewal_counts_from_when_it_was_sent_not_from_its_answer() -> None:
    stored, clock = Stored(), Clock()
    lease = replica(stored, clock, "a")

    def slow() -> None:
        clock.now += 3.0

    stored.lag = slow
    assert attempt(lease)
    stored.lag = lambda: None
    clock.now = 1000.0 + 7.4
    assert lease.held
    clock.now = 1000.0 + 7.6
    assert not lease.held


def test_time_that_stands_in_the_lease_does_not_matter() -> None:
    stored, clock = Stored(), Clock()
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")
    assert attempt(first)
    assert stored.lease is not None
    stored.lease["spec"]["renewTime"] = "1970-01-01T00:00:00.000000Z"
    assert not attempt(second), "the holder's clock may be wrong; what counts is what was seen to change"


def test_an_unreachable_api_server_gives_nobody_the_lease() -> None:
    stored, clock = Stored(), Clock()
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")
    assert attempt(first)
    stored.reachable = False
    clock.now += 100.0
    assert not attempt(second)
    assert not attempt(first)
    assert not first.held


def test_a_released_lease_is_free_at_once() -> None:
    stored, clock = Stored(), Clock()
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")
    assert attempt(first)
    attempt(second)
    asyncio.run(first.release())
    assert not first.held
    assert attempt(second)
    assert stored.lease is not None
    assert stored.lease["spec"]["leaseTransitions"] == 1


def test_two_that_try_at_once_do_not_both_get_it() -> None:
    stored, clock = Stored(), Clock()
    seen = asyncio.run(stored.get())
    assert seen is None
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")

    async def both() -> list[bool]:
        attempts: list[Awaitable[bool]] = [first._attempt(), second._attempt()]
        return list(await asyncio.gather(*attempts))

    assert sorted(asyncio.run(both())) == [False, True]


def test_every_write_but_no_read_passes_the_gate() -> None:
    allowed = False
    kube = OnlyWhile(Stored(), lambda: allowed)  # type: ignore[arg-type]  # the verbs it uses
    with pytest.raises(NotLeaderError):
        asyncio.run(kube.create({"metadata": {}}))
    assert asyncio.run(kube.get(None, "", "")) is None  # type: ignore[arg-type]  # a read of nothing
    allowed = True
    assert asyncio.run(kube.create({"metadata": {}}))


def test_times_that_leave_no_gap_are_refused() -> None:
    with pytest.raises(ValueError, match="renew_deadline"):
        LeaseTimes(duration=8.0)


def test_who_takes_a_lease_that_was_given_back_knows_when_the_last_write_was_over() -> None:
    stored, clock = Stored(), Clock()
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")
    asyncio.run(first.acquire())
    assert first.released_at is None, "there was nobody before"
    asyncio.run(first.release())
    given_back = stored.version
    asyncio.run(second.acquire())
    assert second.released_at == given_back
    assert attempt(second)
    assert second.released_at == given_back, "a renewal changes nothing"


def test_who_takes_a_lease_from_a_silent_holder_does_not() -> None:
    stored, clock = Stored(), Clock()
    first, second = replica(stored, clock, "a"), replica(stored, clock, "b")
    asyncio.run(first.acquire())
    asyncio.run(first.release())
    asyncio.run(second.acquire())
    attempt(first)
    clock.now += TIMES.duration
    asyncio.run(first.acquire())
    assert first.released_at is None
