"""The way of events from kopf's thread to ours."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from onnx_operator.kube.kinds import Kind

Object = dict[str, Any]
# Events taken in before others in the loop have their turn.
AT_ONCE = 100

Receive = Callable[[Kind, str | None, Object], None]


class Inbox:
    """Takes events in from any thread, and hands them to ``receive`` in the loop's thread, in the order they came.

    The loop is woken once for all that has come meanwhile: events come by the thousand when kopf begins.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive) -> None:
        self._loop, self._receive = loop, receive
        self._events: deque[tuple[Kind, str | None, Object]] = deque()

    def deliver(self, kind: Kind, event: str | None, obj: Object) -> None:
        """Take an event in: ADDED, MODIFIED, DELETED, or None for an object of the list that a watch begins with."""
        self._events.append((kind, event, obj))
        if len(self._events) == 1:
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        for _ in range(min(AT_ONCE, len(self._events))):
            self._receive(*self._events.popleft())
        if self._events:
            self._loop.call_soon(self._drain)
