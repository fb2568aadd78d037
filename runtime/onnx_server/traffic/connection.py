"""A connection to a candidate: one request at a time, HTTP/1.1, kept for the next."""

import asyncio
from typing import Protocol, cast

import httptools

from onnx_server.traffic.message import RAN, Answer, Request, end_to_end

# Up to here copying parts together costs less than another write to the socket.
_JOIN_BYTES = 64 * 1024


class Asking(Protocol):
    """A request that a connection carries, and who hears what becomes of it: one of the two, once."""

    request: Request

    def answered(self, answer: Answer) -> None:
        """Hear the answer."""

    def lost(self, *, stale: bool) -> None:
        """Hear that the connection ended before the answer.

        `stale`: it had been idle, and nothing of an answer came. The other side closed it when the request was sent.
        """


class Keeper(Protocol):
    """Where connections are kept between requests."""

    def free(self, connection: "CandidateConnection") -> None:
        """Take back a connection whose answer is there."""

    def gone(self, connection: "CandidateConnection") -> None:
        """Hear that a connection ended, whether it was in use or not."""


class CandidateConnection(asyncio.Protocol):
    """`idle_since` is in seconds of time.monotonic()."""

    def __init__(self, keeper: Keeper, host: bytes) -> None:
        self.idle_since = 0.0
        self._keeper = keeper
        self._host = host
        self._parser = httptools.HttpResponseParser(self)
        self._asking: Asking | None = None
        self._used = False
        self._heard = False
        self._broken = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._room: int | None = None
        self._answer: Answer | None = None
        self._kept = False

    @property
    def closing(self) -> bool:
        """Whether no request may be sent any more."""
        return self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, asking: Asking, sender: bytes) -> None:
        """Send a request. Only to be called while no other is under way."""
        self._asking = asking
        self._heard = False
        request = asking.request
        lines = b"host: %b\r\nonnx-forwarded: %b\r\ncontent-length: %d\r\n\r\n" % (
            self._host,
            sender,
            len(request.body),
        )
        if len(request.body) <= _JOIN_BYTES:
            self._transport.write(b"".join((request.head, lines, request.body)))
        else:
            self._transport.writelines((request.head + lines, request.body))

    def abort(self) -> None:
        """End the connection, and with it the other side's work on the request; nobody hears of it."""
        self._asking = None
        self._transport.abort()

    def close(self) -> None:
        """End an idle connection."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Parse; hand over an answer once nothing is left to parse."""
        if self._asking is None:
            self._transport.abort()  # nothing was asked
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._broken = True
        if self._broken:
            self._transport.abort()
            self._end()
        elif self._answer is not None:
            self._complete(self._asking, self._answer)

    def _complete(self, asking: Asking, answer: Answer) -> None:
        self._asking = self._answer = None
        self._used = True
        if self._kept:
            self._keeper.free(self)
        else:
            self._transport.close()
        asking.answered(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self._keeper.gone(self)
        self._end()

    def _end(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.lost(stale=self._used and not self._heard)

    # Parser callbacks
    def on_message_begin(self) -> None:
        """Begin an answer; a second one was not asked for."""
        if self._answer is not None:
            self._broken = True
        self._headers, self._parts = [], []
        self._room = None if self._asking is None else self._asking.request.limit

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body, unless it is too much."""
        if self._room is not None:
            self._room -= len(body)
            if self._room < 0:
                self._broken = True
                return
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Make the answer, unless it is an interim one."""
        status = self._parser.get_status_code()
        if status >= 600:
            self._broken = True
        elif status >= 200:
            ran = next((value for name, value in self._headers if name == RAN), None)
            self._answer = Answer(status, end_to_end(self._headers), self._parts, ran)
            self._kept = self._parser.should_keep_alive()  # the parser forgets with the message


def host_header(address: str, port: int) -> bytes:
    """Return the value of `host` for an address."""
    return (f"[{address}]:{port}" if ":" in address else f"{address}:{port}").encode()
