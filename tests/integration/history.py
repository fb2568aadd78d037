"""All that the API server went through: every change of every object, from watches, in the one order that it had.

Resource versions of one etcd are one counter, so changes of different kinds, told by different watches, are put into
the order in which they happened. So invariants are checked at every state there was, not at those that a poll hits.
"""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from tests.cluster import health
from tests.cluster.certificates import Pair
from tests.cluster.paths import RunDir
from tests.cluster.rest import Object, Rest
from tests.integration import invariants
from tests.integration.invariants import Name, State
from tests.integration.loop_thread import loop_thread
from tests.integration.namespace import COLLECTIONS
from tests.integration.proxy.streams import lines

KINDS = (
    "ONNXModel",
    "ControllerRevision",
    "ConfigMap",
    "Service",
    "Deployment",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Pod",
)
LATELY = 1.0
"""Seconds for which a status may be behind what was true."""


class Place(Protocol):
    """What a history is recorded from: `run.pki` has the administrator's certificate."""

    @property
    def run(self) -> RunDir: ...

    @property
    def url(self) -> str: ...

    @property
    def rest(self) -> Rest: ...


@dataclass(frozen=True)
class Change:
    """One change: its resource version, when it was told (monotonic seconds), and the object; None if it is gone."""

    version: int
    at: float
    name: Name
    obj: Object | None


@dataclass
class History:
    """The changes by namespace, as they come in."""

    plane: Place
    changes: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    newest: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """The version told last, by namespace, kind and name."""

    def take(self, kind: str, event: Object) -> None:
        """Take a watch event in."""
        obj, metadata = event["object"], event["object"]["metadata"]
        if event["type"] == "BOOKMARK":
            return
        version = int(metadata["resourceVersion"])
        kept = None if event["type"] == "DELETED" else _slim({**obj, "kind": kind})
        change = Change(version, time.monotonic(), (kind, metadata["name"]), kept)
        self.changes[metadata["namespace"]].append(change)
        self.newest[metadata["namespace"], kind, metadata["name"]] = version

    def catch_up(self, patience: float = 30.0) -> None:
        """Wait until all that was there before this call has been told."""
        deadline = time.monotonic() + patience
        for kind in KINDS:
            answer = self.plane.rest.call("GET", everywhere(kind))
            for metadata in (obj["metadata"] for obj in answer["items"]):
                name, version = (kind, metadata["name"]), int(metadata["resourceVersion"])
                while self.newest.get((metadata["namespace"], *name), 0) < version:
                    assert time.monotonic() < deadline, f"the watch of {kind} is behind"
                    time.sleep(0.02)

    def states(self, namespace: str) -> list[tuple[float, State]]:
        """Return every state that a namespace went through, with when it began."""
        found = []
        objects: dict[Name, Object] = {}
        for change in sorted(self.changes[namespace], key=lambda change: change.version):
            objects = {name: obj for name, obj in objects.items() if name != change.name}
            if change.obj is not None:
                objects[change.name] = change.obj
            found.append((change.at, State(objects)))
        return found

    def violations(self, namespace: str, damaged: frozenset[Name] = frozenset(), lately: float = LATELY) -> list[str]:
        """Return what was wrong in any state of a namespace, or in any change; `damaged` is the test's own doing."""
        return violations(self.states(namespace), damaged, lately)


def violations(
    states: Sequence[tuple[float, State]], damaged: frozenset[Name] = frozenset(), lately: float = LATELY
) -> list[str]:
    """Return what is wrong with a course of states: each with when it began, in seconds."""
    found = []
    before = State({})
    for place, (at, state) in enumerate(states):
        wrong = [*invariants.of_state(state), *invariants.of_step(before, state, damaged)]
        if _status(state) != _status(before):
            seen = [old for began, old in states[: place + 1] if began >= at - lately]
            seen += [old for began, old in states[: place + 1] if began < at - lately][-1:]
            wrong += invariants.of_claim(state, seen)
        found += [f"state {place} of {len(states)}: {sentence}" for sentence in wrong]
        before = state
    return found


@contextmanager
def recorded(plane: Place) -> Iterator[History]:
    """Record the history of all namespaces from now on."""
    history, listed = History(plane), threading.Event()
    with loop_thread("history") as thread:
        watching = thread.start(_watch_all(history, listed))
        assert listed.wait(30), "the history does not begin"
        yield history
        assert not watching.done(), f"the history has ended: {watching.exception()}"


async def _watch_all(history: History, listed: threading.Event) -> None:
    pki = history.plane.run.pki
    context = health.context(pki / "ca.crt", Pair(pki / "admin.crt", pki / "admin.key"))
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0, ssl=context)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=1 << 22) as session:
        begun = [asyncio.Event() for _ in KINDS]
        watches = [_watch(history, session, kind, event) for kind, event in zip(KINDS, begun, strict=True)]

        async def say() -> None:
            for event in begun:
                await event.wait()
            listed.set()

        await asyncio.gather(say(), *watches)


async def _watch(history: History, session: aiohttp.ClientSession, kind: str, begun: asyncio.Event) -> None:
    url = f"{history.plane.url}{everywhere(kind)}"
    async with session.get(url) as answer:
        listed = await answer.json()
    for obj in listed["items"]:
        history.take(kind, {"type": "ADDED", "object": obj})
    begun.set()
    version = listed["metadata"]["resourceVersion"]
    while True:  # the API server ends a watch now and then
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        async with session.get(url, params=query) as events:
            async for line in lines(events.content):
                event = json.loads(line)
                assert event["type"] != "ERROR", f"the history of {kind} has a gap: {event}"
                history.take(kind, event)
                version = event["object"]["metadata"]["resourceVersion"]


def everywhere(kind: str) -> str:
    """Return the path of a kind's collection in all namespaces."""
    return "/" + COLLECTIONS[kind].replace("namespaces/{}/", "")


def _slim(obj: Object) -> Object:
    """Leave out what no invariant looks at, and what makes up most of it."""
    dropped = {"Pod": "spec", "ConfigMap": "data", "ControllerRevision": "data"}.get(obj["kind"])
    kept = {name: value for name, value in obj.items() if name != dropped}
    if obj["kind"] != "ONNXModel":
        kept["metadata"] = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return kept


def _status(state: State) -> Object | None:
    return (state.model or {}).get("status")
