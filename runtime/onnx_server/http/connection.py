"""One HTTP/1.1 connection: uvicorn's protocol with limits of ours.

httptools (llhttp) parses, and refuses what is ambiguous: repeated or conflicting lengths, chunked with a length.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

JSON_HEADER = (b"content-type", b"application/json")
# Where the ASGI app finds whether more has come on the connection than the request that it answers.
MORE = "onnx_server.more"


@dataclass(frozen=True)
class Limits:
    """What a connection may use: bytes of a request's head, connections, seconds to receive one request."""

    header_bytes: int
    connections: int
    receive_seconds: float


def error_body(message: str) -> bytes:
    """Return an error as all clients expect it: JSON with a string `error`."""
    return orjson.dumps({"error": message})


class LimitedConnection(HttpToolsProtocol):
    """A connection whose request heads, time to send a request, and number are bounded.

    Over the number of connections the one idle for longest makes room; if none is idle, the new one gets 503.
    `waiting_since` is since when the rest of a request is awaited, `idle_since` since when the next request is.
    Both are in seconds of time.monotonic(); `sweep` is to be called now and then.

    The server ends it only between requests: what came behind another request (pipelined) is answered too, where
    uvicorn itself ends a connection with the answer that is under way. `ending` is whether the last answer ends it.
    """

    limits: ClassVar[Limits]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.waiting_since: float | None = None
        self.idle_since: float | None = None
        self.ending = False
        self._in_head = False
        self._head_bytes = 0
        self._chunk_bytes = 0

    def begin_parser(self) -> None:
        """Have a new parser, as uvicorn has made the first one, which is between two requests."""
        self.parser = httptools.HttpRequestParser(self)
        # What comes behind a request that ends the connection is dropped, not refused.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def connection_made(self, transport: Any) -> None:
        """Take the connection, or another's place, or refuse it."""
        super().connection_made(transport)
        self.idle_since = time.monotonic()
        if len(self.connections) > self.limits.connections and not self._make_room():
            self.refuse(503, f"the server has {self.limits.connections} connections (maxConnections): try again")

    def _make_room(self) -> bool:
        others = [other for other in cast("set[LimitedConnection]", self.connections) if other is not self]
        idle = [other for other in others if other.idle_since is not None]
        if not idle:
            return False
        oldest = min(idle, key=lambda other: other.idle_since or 0.0)
        oldest.connections.discard(oldest)
        oldest.transport.close()
        return True

    def data_received(self, data: bytes) -> None:
        """Feed the parser, holding the head of a request to its limit."""
        self._chunk_bytes = len(data)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and max(self._head_bytes, self._chunk_bytes) > self.limits.header_bytes:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self.begin_scope()
        self.begin_head()

    def begin_scope(self) -> None:
        """Make what uvicorn and the app need of a request."""
        HttpToolsProtocol.on_message_begin(self)
        self.scope["extensions"] = {MORE: {"told": self.more}}

    def more(self) -> bool:
        """Whether a request waits behind the one that is being answered, or has begun to come."""
        return bool(self.pipeline) or self.waiting_since is not None

    def begin_head(self) -> None:
        """Note that a request begins."""
        self._in_head = True
        self._head_bytes = 0
        self.waiting_since = time.monotonic()
        self.idle_since = None

    def on_headers_complete(self) -> None:
        """Go on unless the head is too large."""
        if self.end_head():
            super().on_headers_complete()

    def end_head(self) -> bool:
        """Note the end of the head; return whether it is small enough, else refuse it."""
        self._in_head = False
        # A head in one chunk that is within the limit is within it itself: seldom is there anything to count.
        if max(self._chunk_bytes, self._head_bytes) <= self.limits.header_bytes:
            return True
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size <= self.limits.header_bytes:
            return True
        self._refuse_head()
        return False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, unless the request was refused."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the whole request is there."""
        self.waiting_since = None
        if not self.transport.is_closing():
            super().on_message_complete()
            self._end_if_due()

    def on_response_complete(self) -> None:
        """Note that the connection is idle, unless another request is under way."""
        super().on_response_complete()
        if not self.more():
            self.idle_since = time.monotonic()
        self._end_if_due()

    def shutdown(self) -> None:
        """End the connection: at once if it is idle, else with the last answer."""
        self.ending = True
        self._end_if_due()

    def _end_if_due(self) -> None:
        if self.ending and not self.more() and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def sweep(self, now: float) -> None:
        """Close the connection if the rest of a request, or the next one, is awaited for too long."""
        if self.transport.is_closing():
            return
        if self.waiting_since is not None and now - self.waiting_since > self.limits.receive_seconds:
            seconds = self.limits.receive_seconds
            self.refuse(408, f"the whole request must come within {seconds:g} s (receiveTimeoutSeconds)")
        elif self.idle_since is not None and now - self.idle_since > self.timeout_keep_alive:
            self.transport.close()

    def _refuse_head(self) -> None:
        limit = self.limits.header_bytes
        self.refuse(431, f"the request's head may have {limit} bytes (maxHeaderBytes): send fewer or shorter headers")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self.refuse(400, msg)

    def refuse(self, status: int, message: str) -> None:
        """Answer with an error, and end the connection."""
        body = error_body(message)
        headers = [JSON_HEADER, (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        self.transport.write(head(status, headers) + body)
        self.transport.close()


def limited_connection(limits: Limits) -> type[LimitedConnection]:
    """Return the class of connections with these limits."""
    return type("Connection", (LimitedConnection,), {"limits": limits})


def head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the head of an answer, with the empty line at its end."""
    lines = b"".join(b"%b: %b\r\n" % (name, value) for name, value in headers)
    return STATUS_LINE[status] + lines + b"\r\n"
