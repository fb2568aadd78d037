"""One connection: bytes to frames, frames to calls, and answers to as few writes as can be (RFC 9113)."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Final, cast

from . import control
from .budget import Budget
from .call import Call
from .frames import (
    CONTINUATION,
    DATA,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEADERS,
    MAX_FRAME_SIZE,
    PADDED,
    PREFACE,
    PRIORITISED,
    SETTINGS,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS,
    SETTINGS_MAX_HEADER_LIST_SIZE,
    ConnectionFailure,
    ErrorCode,
    goaway,
    rst_stream,
    settings,
    unpad,
    window_update,
)
from .headers import Requests
from .lifetime import Lifetime
from .request import Malformed

if TYPE_CHECKING:
    from .server import Server

TICK_BYTES: Final = 1 << 18
"""Queued answers that one connection hands to its socket before others of the loop have their turn."""
REMEMBERED: Final = 1024
"""Streams that we ended before the client did; more frames of them are no mistake (RFC 9113 §5.1, "closed")."""
MAX_CONTINUATIONS: Final = 32


class Connection(asyncio.Protocol):
    """A client's connection. All answers of one turn of the loop leave in one write."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.limits = server.limits
        self.loop = asyncio.get_running_loop()
        self.requests = Requests(server.methods, server.limits.max_header_bytes)
        self.calls: dict[int, Call] = {}
        self.ready: dict[int, Call] = {}  # have something to send, and a window for it
        self.waiting: set[asyncio.Event] = set()  # senders that wait for the socket
        self.out: list[bytes | memoryview] = []
        self.unsent = 0  # bytes of queued answers in `out`
        self.sent = 0  # bytes in all
        self.opened = 0  # streams in all
        self.flushing = False
        self.paused = False
        self.final = False  # no more streams are taken, and long ones end
        self.brief = False  # is asked to leave with the first answer
        self.ends = False  # one of the two, so that the end of a call matters
        self.closed = False  # nothing more is read or written
        self.started = False
        self.last_stream = 0
        self.window = DEFAULT_WINDOW
        self.peer_window = DEFAULT_WINDOW
        self.peer_frame = MAX_FRAME_SIZE
        self.lifetime = Lifetime(self)
        self.block: control.Block | None = None  # a header block that goes on in CONTINUATION
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._credit = 0
        self._whole = min(MAX_FRAME_SIZE, server.limits.max_message_bytes + 5)  # the largest frame of one whole message
        self._remembered: dict[int, None] = {}
        self._budget = Budget(burst=10_000, per_second=10_000)
        self._resets = Budget(burst=5_000, per_second=2_000)

    # -- transport -----------------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client with our settings, or send it away."""
        self._transport = cast("asyncio.Transport", transport)
        self.server.add(self)
        limits = self.limits
        ours = {
            SETTINGS_MAX_CONCURRENT_STREAMS: limits.max_streams,
            SETTINGS_INITIAL_WINDOW_SIZE: limits.stream_window,
            SETTINGS_MAX_HEADER_LIST_SIZE: limits.max_header_bytes,
        }
        self.write(settings(ours))
        secured = transport.get_extra_info("ssl_object")
        if isinstance(secured, ssl.SSLObject) and secured.selected_alpn_protocol() != "h2":
            self.fail(ErrorCode.INADEQUATE_SECURITY, "TLS without the protocol h2 (ALPN)")
        elif len(self.server.connections) > limits.max_connections:
            self.fail(ErrorCode.ENHANCE_YOUR_CALM, f"the server has {limits.max_connections} connections: try later")
        elif limits.connection_window > DEFAULT_WINDOW:
            self.write(window_update(0, limits.connection_window - DEFAULT_WINDOW))
        if self.server.draining:
            self.lifetime.drain()
        elif self.server.leaving():
            self.brief = self.ends = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what is under way: nobody listens."""
        self.closed = True
        self._transport = None
        self.server.remove(self)
        for call in list(self.calls.values()):
            call.cancel()
        self._wake()

    def pause_writing(self) -> None:
        """Read nothing from a client that does not read its answers: so neither side's buffers grow."""
        self.paused = True
        self.lifetime.paused_since = self.server.clock
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.paused = False
        if self._transport is not None:
            self._transport.resume_reading()
        self._wake()
        self.pump()

    def _wake(self) -> None:
        for event in self.waiting:
            event.set()
        self.waiting.clear()

    @property
    def peer(self) -> str:
        """The client's address and port."""
        address = None if self._transport is None else self._transport.get_extra_info("peername")
        return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address or "")

    def write(self, data: bytes | memoryview) -> None:
        """Send with all else of this turn of the loop."""
        self.out.append(data)
        if not self.flushing:
            self.flushing = True
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hand to the socket what this turn of the loop brought."""
        self.flushing = False
        out, self.out = self.out, []
        self.unsent = 0
        if self._transport is not None and out:
            data = b"".join(out)
            self.sent += len(data)
            self._transport.write(data)
            if self.ready:
                self.pump()

    def pump(self) -> None:
        """Send of what waits as much as windows, socket and this turn of the loop allow, one frame of each in turn."""
        ready = self.ready
        while ready and self.window > 0 and not self.paused and self.unsent < TICK_BYTES:
            stream = next(iter(ready))
            call = ready.pop(stream)
            if call.window > 0 and call.outbound is not None and call.outbound.size and call.outbound.send_frame():
                ready[stream] = call

    # -- ends ----------------------------------------------------------------------------------------------------------
    def fail(self, code: ErrorCode, text: str) -> None:
        """End the connection with GOAWAY (RFC 9113 §5.4.1)."""
        self.write(goaway(self.last_stream, code, text))
        self.shut()

    def call_over(self) -> None:
        """Take note of a call's end where that is the moment to leave."""
        if self.brief:
            self.brief = False
            self.lifetime.drain()
        self.end_if_idle()

    def end_if_idle(self) -> None:
        """End the connection if it is to end and no call is left."""
        if self.final and not self.calls and not self.closed:
            self.shut()

    def shut(self) -> None:
        """Send what is there and the end; the client's end is awaited, lest the last answers are lost on the way."""
        if self.closed:
            return
        self.closed = True
        for call in list(self.calls.values()):
            call.cancel()
        self.flush()
        self.lifetime.closed_since = self.server.clock
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()
        if self.paused and self._transport is not None:
            self._transport.resume_reading()

    @property
    def unwritten(self) -> int:
        """Bytes that the socket has not taken."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self, call: Call, code: ErrorCode) -> None:
        """End one call with RST_STREAM (RFC 9113 §5.4.2)."""
        self.write(rst_stream(call.stream, code))
        self.remember(call.stream)
        call.cancel()

    def misused(self, call: Call, code: ErrorCode) -> None:
        """Reset a call for a mistake of the client; raises ConnectionFailure when there are too many."""
        self.reset(call, code)
        self.count_reset()

    def refuse_stream(self, stream: int, code: ErrorCode) -> None:
        """Reset a stream that a mistake of the client ended; raises ConnectionFailure when there are too many."""
        self.write(rst_stream(stream, code))
        self.remember(stream)
        self.count_reset()

    def count_reset(self) -> None:
        """Count a stream that the client made useless; raises ConnectionFailure on a flood ("rapid reset")."""
        if not self._resets.spend(1, self.opened // 3):
            raise ConnectionFailure(ErrorCode.ENHANCE_YOUR_CALM, "too many streams are opened to be reset")

    def remember(self, stream: int) -> None:
        """Note that frames of this stream may still come."""
        if len(self._remembered) >= REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[stream] = None

    def spend(self, cost: int) -> None:
        """Count what asks for work but is none of a call's; raises ConnectionFailure on a flood."""
        if not self._budget.spend(cost, 8 * self.opened + (self.sent >> 8)):
            raise ConnectionFailure(ErrorCode.ENHANCE_YOUR_CALM, "too many control or empty frames")

    # -- frames --------------------------------------------------------------------------------------------------------
    def data_received(self, data: bytes) -> None:
        """Take what came; what is no whole frame waits for the rest."""
        if self.closed:
            return
        self.lifetime.heard = self.server.clock
        if self._rest:
            data = self._rest + data
        try:
            self._rest = data[self._read(data) :]
        except ConnectionFailure as failure:
            self.fail(failure.code, str(failure))

    def _read(self, data: bytes) -> int:
        """Take the whole frames of `data`; return where the rest begins."""
        position = 0 if self.started else self._greet(data)
        if not self.started:
            return 0
        end, unpack, calls, whole = len(data), HEAD.unpack_from, self.calls, self._whole
        while end - position >= 9:
            word, flags, stream = unpack(data, position)
            kind, size, start = word & 255, word >> 8, position + 9
            if size > MAX_FRAME_SIZE:
                raise ConnectionFailure(
                    ErrorCode.FRAME_SIZE_ERROR, f"a frame of {size} bytes: {MAX_FRAME_SIZE} are taken"
                )
            if start + size > end:
                break
            position = start + size
            if self.block is not None and kind != CONTINUATION:
                raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "CONTINUATION is expected (RFC 9113 §6.10)")
            if kind == DATA:
                self._credit += size
                if self._credit > self.limits.connection_window >> 1:
                    self.write(window_update(0, self._credit))
                    self._credit = 0
                call = calls.get(stream)
                # The common case: the frame is one whole uncompressed message, and all of a unary request.
                if (
                    flags == END_STREAM
                    and call is not None
                    and call.inbound is None
                    and not call.ended
                    and 5 <= size <= whole
                    and not data[start]
                    and int.from_bytes(data[start + 1 : start + 5], "big") == size - 5
                ):
                    call.ended = True
                    call.invoke(data[start + 5 : position])
                else:
                    self._data(call, flags, stream & 0x7FFFFFFF, data[start:position])
            elif kind == HEADERS:
                self._headers(flags, stream & 0x7FFFFFFF, data[start:position])
            else:
                control.take(self, kind, flags, stream & 0x7FFFFFFF, data[start:position])
            if self.closed:
                break
        return position

    def _greet(self, data: bytes) -> int:
        """Check the client's preface, which ends with a SETTINGS frame (RFC 9113 §3.4); return where that begins."""
        if not data.startswith(PREFACE[: len(data)]):
            raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "the preface of HTTP/2 is expected")
        if len(data) < len(PREFACE) + 9:
            return 0
        if data[len(PREFACE) + 3] != SETTINGS or data[len(PREFACE) + 4]:
            raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "the first frame is SETTINGS")
        self.started = True
        return len(PREFACE)

    def _data(self, call: Call | None, flags: int, stream: int, payload: bytes) -> None:
        if call is None or call.ended:
            if stream > self.last_stream or not stream & 1:
                raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "DATA on a stream that is not open")
            self.spend(1)
            if call is not None:
                self.misused(call, ErrorCode.STREAM_CLOSED)
            elif stream not in self._remembered:
                self.write(rst_stream(stream, ErrorCode.STREAM_CLOSED))
            return
        size = len(payload)
        if flags & PADDED:
            payload = unpad(payload)
        if flags & END_STREAM:
            call.ended = True
        elif not payload:
            self.spend(1)
        if not call.done:
            call.receive(payload, size)

    def _headers(self, flags: int, stream: int, block: bytes) -> None:
        if not stream & 1:
            raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "a client's streams have odd numbers")
        if flags & PADDED:
            block = unpad(block)
        if flags & PRIORITISED:
            if len(block) < 5:
                raise ConnectionFailure(ErrorCode.FRAME_SIZE_ERROR, "HEADERS ends inside its priority")
            if int.from_bytes(block[:4], "big") & 0x7FFFFFFF == stream:
                raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "a stream cannot depend on itself")
            block = block[5:]
        if flags & END_HEADERS:
            self.head(stream, flags, block)
        else:
            self.block = control.Block(stream, flags, block, MAX_CONTINUATIONS, 2 * self.limits.max_header_bytes)

    def head(self, stream: int, flags: int, block: bytes) -> None:
        """Take a whole header block: the beginning of a call, or its trailers."""
        if stream <= self.last_stream:
            self._trailers(stream, flags, block)
            return
        self.last_stream = stream
        self.opened += 1
        timed = self.requests.find(block)
        if timed is None:
            try:
                timed = self.requests.read(block)
            except Malformed:
                self.refuse_stream(stream, ErrorCode.PROTOCOL_ERROR)
                return
        if len(self.calls) >= self.limits.max_streams or self.final:
            self.spend(1)
            self.refuse_stream(stream, ErrorCode.REFUSED_STREAM)
            return
        call = self.calls[stream] = Call(self, stream, *timed)
        if call.request.special:
            call.start()
        if flags & END_STREAM:
            call.ended = True
            if not call.done:
                call.receive(b"", 0)

    def _trailers(self, stream: int, flags: int, block: bytes) -> None:
        call = self.calls.get(stream)
        try:
            self.requests.trailers(block)
        except Malformed:
            if call is not None:
                self.misused(call, ErrorCode.PROTOCOL_ERROR)
                return
        if call is None or call.ended:
            if stream in self._remembered:
                self.spend(1)
                return
            code = ErrorCode.STREAM_CLOSED if stream == self.last_stream else ErrorCode.PROTOCOL_ERROR
            raise ConnectionFailure(code, f"HEADERS on stream {stream}, which is not open")
        if not flags & END_STREAM:
            raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "trailers without END_STREAM")
        call.ended = True
        if not call.done:
            call.receive(b"", 0)
