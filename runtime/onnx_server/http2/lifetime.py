"""How long a connection lasts: drain, age, idleness, and clients that are slow or gone."""

import random
from typing import TYPE_CHECKING, Final

from .frames import MAX_STREAM, PING, ErrorCode, frame, goaway
from .status import StatusCode

if TYPE_CHECKING:
    from .connection import Connection

DRAINING: Final = b"draining"
ALIVE: Final = b"alive?  "
LINGER_SECONDS: Final = 2.0
"""For a client to close its end of a connection whose last answers it has."""
BRIEF_SECONDS: Final = 1.0
"""For a connection that leaves with its first answer to have one; long streams have none that is the last."""


class Lifetime:
    """The clocks of one connection, in seconds of time.monotonic(); `sweep` is called about once a second.

    The polite end (RFC 9113 §6.8): GOAWAY with the highest stream there can be, and a PING; its answer shows that the
    client knows, and that all it sent before has come. Then GOAWAY with the last stream, and the end when no call is
    left. So no call of a client is lost on the way.
    """

    __slots__ = (
        "_age_limit",
        "_busy",
        "_connection",
        "_draining_since",
        "_old",
        "_opened",
        "_pinged",
        "born",
        "closed_since",
        "heard",
        "paused_since",
    )

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        now = connection.server.clock
        self.born = self._busy = self.heard = self.paused_since = now
        self.closed_since: float | None = None
        self._draining_since: float | None = None
        self._pinged: float | None = None
        self._opened = 0
        self._old = False
        age = connection.limits.max_age_seconds
        # Clients that came together, after a restart say, shall not all come again together.
        self._age_limit = None if age is None else age * random.uniform(0.9, 1.1)  # noqa: S311 -- no secret

    def drain(self) -> None:
        """Begin the polite end."""
        connection = self._connection
        if self._draining_since is None and not connection.closed:
            self._draining_since = connection.server.clock
            connection.write(goaway(MAX_STREAM, ErrorCode.NO_ERROR) + frame(PING, 0, 0, DRAINING))

    def ponged(self, data: bytes) -> None:
        """Hear the answer to a PING."""
        self._pinged = None
        if data == DRAINING and self._draining_since is not None:
            self._finish()

    def _finish(self) -> None:
        connection = self._connection
        if connection.final or connection.closed:
            return
        connection.final = connection.ends = True
        connection.write(goaway(connection.last_stream, ErrorCode.NO_ERROR))
        for call in list(connection.calls.values()):
            call.drain()
        connection.end_if_idle()

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        connection, limits = self._connection, self._connection.limits
        if self.closed_since is not None:
            if now - self.closed_since > (limits.send_seconds if connection.unwritten else LINGER_SECONDS):
                connection.abort()
        elif not connection.started and now - self.born > limits.preface_seconds:
            connection.fail(ErrorCode.PROTOCOL_ERROR, f"the preface must come within {limits.preface_seconds:g} s")
        elif connection.block is not None and now - self.heard > limits.receive_seconds:
            connection.fail(ErrorCode.PROTOCOL_ERROR, "a header block is not ended")
        elif (connection.paused and now - self.paused_since > limits.send_seconds) or self._is_gone(now):
            connection.abort()
        else:
            self._sweep_calls(now)
            self._sweep_age(now)

    def _is_gone(self, now: float) -> bool:
        """Ping a silent client; return whether it did not answer."""
        connection, limits = self._connection, self._connection.limits
        if self.heard > (self._pinged or 0.0):
            self._pinged = None
        if connection.paused or not connection.started:
            return False
        if self._pinged is not None:
            return now - self._pinged > limits.ping_timeout_seconds
        if now - self.heard > limits.ping_seconds:
            self._pinged = now
            connection.write(frame(PING, 0, 0, ALIVE))
        return False

    def _sweep_calls(self, now: float) -> None:
        connection, limits = self._connection, self._connection.limits
        if connection.calls or connection.opened != self._opened:
            self._busy, self._opened = now, connection.opened
        for call in list(connection.calls.values()):
            if not call.ended and not call.done and call.is_late(now, limits.receive_seconds):
                text = f"a request message must come within {limits.receive_seconds:g} s"
                call.abandon(StatusCode.DEADLINE_EXCEEDED, text)
            elif call.outbound is not None and call.outbound.size and now - call.outbound.since > limits.send_seconds:
                connection.reset(call, ErrorCode.CANCEL)

    def _sweep_age(self, now: float) -> None:
        connection, limits = self._connection, self._connection.limits
        if self._draining_since is not None:
            if now - self._draining_since > limits.ping_timeout_seconds:
                self._finish()
            if self._old and now - self._draining_since > limits.max_age_grace_seconds:
                connection.abort()
        elif connection.brief and now - self.born > BRIEF_SECONDS:
            self.drain()
        elif self._age_limit is not None and now - self.born > self._age_limit:
            self._old = True
            self.drain()
        elif not connection.calls and now - self._busy > limits.idle_seconds:
            self.drain()
