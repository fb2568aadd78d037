"""What a watch shows, and when: futures that hold the time at which something came to be."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from benchmarks.operator.api import Api, Event, Object

Check = Callable[[Event], bool]
"""Asked of every event in their order, deletions too, which never count as passed."""


@dataclass
class _Expected:
    name: str | None
    count: int
    check: Check
    seen: asyncio.Future[float]
    holding: set[str] = field(default_factory=set)


class Sightings:
    """The objects of a collection as its watch shows them; times are monotonic seconds of arrival here."""

    def __init__(self, api: Api, path: str, query: Mapping[str, str]) -> None:
        self._api, self._path, self._query = api, path, query
        self._expected: list[_Expected] = []
        self.objects: dict[str, Object] = {}
        self.last_event = time.monotonic()
        self.begun = asyncio.Event()

    def once(self, name: str, check: Check) -> asyncio.Future[float]:
        """Return when an event about the object passes the check; only events from now on count."""
        return self._expect(_Expected(name, 1, check, _future()))

    def all(self, count: int, check: Check) -> asyncio.Future[float]:
        """Return when so many objects pass the check at the same time; those that do so already count."""
        expected = _Expected(None, count, check, _future())
        for obj in self.objects.values():
            _weigh(expected, Event("LISTED", obj, time.monotonic()))
        return self._expect(expected)

    def holding(self, check: Check) -> int:
        """Return how many objects pass a check now."""
        now = time.monotonic()
        return sum(check(Event("LISTED", obj, now)) for obj in self.objects.values())

    async def run(self) -> None:
        """Watch until cancelled, whatever happens to the API server."""
        while True:
            with suppress(aiohttp.ClientError, OSError, ValueError):
                listed = await self._api.list(self._path, **self._query)
                self.objects = {}
                for obj in listed["items"]:
                    self._take(Event("LISTED", obj, time.monotonic()))
                self.begun.set()
                async for event in self._api.watch(self._path, listed["metadata"]["resourceVersion"], self._query):
                    self._take(event)
            await asyncio.sleep(0.05)

    def _expect(self, expected: _Expected) -> asyncio.Future[float]:
        if not expected.seen.done():
            self._expected.append(expected)
        return expected.seen

    def _take(self, event: Event) -> None:
        self.last_event = event.at
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            self.objects.pop(name, None)
        else:
            self.objects[name] = event.object
        for expected in self._expected:
            if expected.name in (None, name) and not expected.seen.done():
                _weigh(expected, event)
        self._expected = [expected for expected in self._expected if not expected.seen.done()]


def _weigh(expected: _Expected, event: Event) -> None:
    name = event.object["metadata"]["name"]
    if expected.check(event) and event.type != "DELETED":
        expected.holding.add(name)
    else:
        expected.holding.discard(name)
    if len(expected.holding) >= expected.count:
        expected.seen.set_result(event.at)


def _future() -> asyncio.Future[float]:
    return asyncio.get_running_loop().create_future()


@asynccontextmanager
async def watching(api: Api, path: str, **query: str) -> AsyncIterator[Sightings]:
    """Give the sightings of one collection."""
    sightings = Sightings(api, path, query)
    task = asyncio.create_task(sightings.run())
    try:
        await asyncio.wait_for(sightings.begun.wait(), 30)
        yield sightings
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def quiet(sightings: Mapping[str, Sightings], seconds: float = 0.15) -> None:
    """Return when none of these has seen an event for so long."""

    def rest() -> float:
        return max(s.last_event for s in sightings.values()) + seconds - time.monotonic()

    while (left := rest()) > 0:  # noqa: ASYNC110  (each event moves the end)
        await asyncio.sleep(left)
