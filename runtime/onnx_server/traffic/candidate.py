"""A candidate pod and the connections to it."""

import asyncio
import contextlib
import time
from collections import deque
from typing import Literal, Protocol

from onnx_server.traffic.balance import EXCLUSION_SECONDS
from onnx_server.traffic.connection import CandidateConnection, host_header
from onnx_server.traffic.message import Answer, Request
from onnx_server.traffic.split import Address

MAX_CONNECTIONS = 256
"""To one candidate. More requests wait for one of these; no longer than the pod's own answer takes."""
# Well below the time after which servers close idle connections.
IDLE_SECONDS = 30.0
CONNECT_SECONDS = 1.0


class Listener(Protocol):
    """Who hears what became of a request: one of the two, once, and never before `Candidate.ask` returned."""

    def answered(self, answer: Answer) -> None:
        """Hear the candidate's answer, of whatever status."""

    def failed(self, failure: Literal["refused", "reset"]) -> None:
        """Hear that there is none."""


class Ask:
    """A request to a candidate, until it is answered, lost or cancelled."""

    __slots__ = ("_candidate", "_listener", "connection", "request", "retried")

    def __init__(self, candidate: "Candidate", request: Request, listener: Listener) -> None:
        self._candidate = candidate
        self._listener: Listener | None = listener
        self.request = request
        self.connection: CandidateConnection | None = None
        self.retried = False

    def answered(self, answer: Answer) -> None:
        """Hand the answer on."""
        if (listener := self._over()) is not None:
            listener.answered(answer)

    def lost(self, *, stale: bool) -> None:
        """Try once more if the connection was stale, which says nothing of the candidate; else hand it on."""
        if stale and not self.retried:
            self.retried = True
            self._candidate.renew(self)
        else:
            self.fail("reset")

    def fail(self, failure: Literal["refused", "reset"]) -> None:
        """Hand a failure on."""
        if (listener := self._over()) is not None:
            listener.failed(failure)

    def cancel(self) -> None:
        """Let go; nobody hears of it."""
        if self._over() is not None:
            if self.connection is not None:
                self.connection.abort()
            else:
                self._candidate.forget(self)

    def _over(self) -> Listener | None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._candidate.in_flight -= 1
        return listener


class Candidate:
    """Connections are made when they are needed, and the last used is used first, so that the others may end.

    `reachable` is whether the last attempt to connect did not fail.
    """

    def __init__(self, address: Address, sender: bytes, connect_seconds: float = CONNECT_SECONDS) -> None:
        self.address = address
        self.in_flight = 0
        self.excluded_until = 0.0
        self.reachable = True
        self._sender = sender
        self._connect_seconds = connect_seconds
        self._host = host_header(address.address, address.port)
        self._open: set[CandidateConnection] = set()
        self._idle: list[CandidateConnection] = []
        self._waiting: deque[Ask] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._retired = False

    def ask(self, request: Request, listener: Listener) -> Ask:
        """Send `request`, now or as soon as there is a connection."""
        ask = Ask(self, request, listener)
        self.in_flight += 1
        self._begin(ask)
        return ask

    def _begin(self, ask: Ask) -> None:
        oldest = time.monotonic() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.closing:
                continue
            if connection.idle_since < oldest:
                connection.close()
                continue
            ask.connection = connection
            connection.send(ask, self._sender)
            return
        self._waiting.append(ask)
        self._connect()

    def _connect(self) -> None:
        """Make one more connection if those under way are too few for who waits."""
        connecting = len(self._connecting)
        if connecting < len(self._waiting) and connecting + len(self._open) < MAX_CONNECTIONS:
            task = asyncio.get_running_loop().create_task(self._connected())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connected(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: CandidateConnection(self, self._host), self.address.address, self.address.port
                )
        except OSError:  # TimeoutError is one
            self.reachable = False
            self.excluded_until = time.monotonic() + EXCLUSION_SECONDS
            waiting, self._waiting = self._waiting, deque()
            for ask in waiting:
                ask.fail("refused")
            return
        self.reachable = True
        self.excluded_until = 0.0
        if not connection.closing:
            self._open.add(connection)
            self.free(connection)
        elif self._waiting:
            # Accepted and ended at once. Another connection would fare the same, again and again.
            self._waiting.popleft().fail("reset")

    def renew(self, ask: Ask) -> None:
        """Send a request again whose connection was stale: on a new one, as others that were idle may be stale too."""
        ask.connection = None
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        self._begin(ask)

    def forget(self, ask: Ask) -> None:
        """Take a cancelled request out of those that wait."""
        with contextlib.suppress(ValueError):  # those whose connection failed are told one by one
            self._waiting.remove(ask)

    def free(self, connection: CandidateConnection) -> None:
        """Give a connection to who waits, or keep it."""
        if connection.closing:
            return
        if self._waiting:
            ask = self._waiting.popleft()
            ask.connection = connection
            connection.send(ask, self._sender)
        elif self._retired:
            connection.close()
        else:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    def gone(self, connection: CandidateConnection) -> None:
        """Forget a connection, which may make room for another."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if self._waiting:
            self._connect()

    def retire(self) -> None:
        """Ask no more: idle connections end now, others with their answers."""
        self._retired = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
