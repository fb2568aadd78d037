"""The frames that are no message's: SETTINGS, PING, WINDOW_UPDATE, RST_STREAM, GOAWAY, PRIORITY, CONTINUATION."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from hyperframe.frame import Frame, GoAwayFrame, PingFrame, PriorityFrame, RstStreamFrame, SettingsFrame

from .frames import (
    ACK,
    CONTINUATION,
    END_HEADERS,
    GOAWAY,
    MAX_FRAME_SIZE,
    MAX_WINDOW,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    SETTINGS_ENABLE_PUSH,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_FRAME_SIZE,
    WINDOW_UPDATE,
    ConnectionFailure,
    ErrorCode,
    frame,
    parse,
)

if TYPE_CHECKING:
    from .connection import Connection

SETTINGS_COST: Final = 10
"""Of one SETTINGS frame, beside one for each value and each open call, in the budget's PINGs."""


class Block:
    """A header block that comes in several frames (RFC 9113 §4.3)."""

    __slots__ = ("_bytes", "_frames", "_max_bytes", "flags", "stream")

    def __init__(self, stream: int, flags: int, first: bytes, max_frames: int, max_bytes: int) -> None:
        self.stream = stream
        self.flags = flags
        self._frames = max_frames
        self._max_bytes = max_bytes
        self._bytes = bytearray(first)

    def add(self, payload: bytes) -> None:
        """Take a CONTINUATION frame's payload; raises ConnectionFailure over a block's bounds."""
        self._bytes += payload
        self._frames -= 1
        if self._frames < 0 or len(self._bytes) > self._max_bytes:
            text = f"a header block of over {self._max_bytes} bytes, or in very many frames"
            raise ConnectionFailure(ErrorCode.ENHANCE_YOUR_CALM, text)

    def whole(self) -> bytes:
        """Return the block."""
        return bytes(self._bytes)


def take(connection: "Connection", kind: int, flags: int, stream: int, payload: bytes) -> None:
    """Do what a frame says; raises ConnectionFailure."""
    connection.spend(1)
    if kind == WINDOW_UPDATE:
        window_update(connection, stream, payload)
    elif kind == CONTINUATION:
        continuation(connection, flags, stream, payload)
    elif kind == PUSH_PROMISE:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "a client cannot push")
    elif kind in HANDLERS:
        HANDLERS[kind](connection, parse(kind, flags, stream, payload))
    # Frames of unknown types are ignored (RFC 9113 §4.1).


def window_update(connection: "Connection", stream: int, payload: bytes) -> None:
    """Take credit (RFC 9113 §6.9). The highest bit is reserved, and ignored."""
    if len(payload) != 4:
        raise ConnectionFailure(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE has 4 bytes")
    increment = int.from_bytes(payload, "big") & MAX_WINDOW
    if not increment:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE adds at least 1")
    if not stream:
        connection.window += increment
        if connection.window > MAX_WINDOW:
            raise ConnectionFailure(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is over 2^31-1")
        connection.pump()
        return
    call = connection.calls.get(stream)
    if call is None:
        not_idle(connection, stream)
        return
    call.window += increment
    if call.window > MAX_WINDOW:
        connection.misused(call, ErrorCode.FLOW_CONTROL_ERROR)
    elif call.outbound is not None and call.outbound.size:
        connection.ready[stream] = call
        connection.pump()


def not_idle(connection: "Connection", stream: int) -> None:
    """Raise ConnectionFailure for a stream that was never opened (RFC 9113 §5.1)."""
    if stream > connection.last_stream or not stream & 1:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, f"a frame on stream {stream}, which is idle")


def continuation(connection: "Connection", flags: int, stream: int, payload: bytes) -> None:
    """Go on with a header block (RFC 9113 §6.10)."""
    block = connection.block
    if block is None or block.stream != stream:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without its HEADERS")
    block.add(payload)
    if flags & END_HEADERS:
        connection.block = None
        connection.head(stream, block.flags, block.whole())


def settings(connection: "Connection", received: SettingsFrame) -> None:
    """Follow the client's settings, and say so (RFC 9113 §6.5)."""
    if "ACK" in received.flags:
        return
    values = received.settings
    connection.spend(SETTINGS_COST + len(values) + len(connection.calls))
    window = values.get(SETTINGS_INITIAL_WINDOW_SIZE, connection.peer_window)
    size = values.get(SETTINGS_MAX_FRAME_SIZE, connection.peer_frame)
    if values.get(SETTINGS_ENABLE_PUSH, 0) > 1:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH is 0 or 1")
    if window > MAX_WINDOW:
        raise ConnectionFailure(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is at most 2^31-1")
    if not MAX_FRAME_SIZE <= size < 1 << 24:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is from 2^14 to 2^24-1")
    grown, connection.peer_window, connection.peer_frame = window - connection.peer_window, window, size
    if grown:
        for call in connection.calls.values():
            call.window += grown  # below zero, too (RFC 9113 §6.9.2)
            if call.window > MAX_WINDOW:
                raise ConnectionFailure(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window is over 2^31-1")
            if call.window > 0 and call.outbound is not None and call.outbound.size:
                connection.ready[call.stream] = call
    connection.write(frame(SETTINGS, ACK, 0))
    connection.pump()


def ping(connection: "Connection", received: PingFrame) -> None:
    """Answer, or hear the answer (RFC 9113 §6.7)."""
    if "ACK" in received.flags:
        connection.lifetime.ponged(received.opaque_data)
    else:
        connection.write(frame(PING, ACK, 0, received.opaque_data))


def rst_stream(connection: "Connection", received: RstStreamFrame) -> None:
    """Cancel a call (RFC 9113 §6.4)."""
    call = connection.calls.get(received.stream_id)
    if call is None:
        not_idle(connection, received.stream_id)
        return
    call.ended = True
    call.cancel()
    connection.count_reset()


def priority(_: "Connection", received: PriorityFrame) -> None:
    """Nothing is made of priorities, which RFC 9113 §5.3.2 gave up; a stream that depends on itself is a mistake."""
    if received.depends_on == received.stream_id:
        raise ConnectionFailure(ErrorCode.PROTOCOL_ERROR, "a stream cannot depend on itself")


def go_away(connection: "Connection", _: GoAwayFrame) -> None:
    """The client opens no more streams; finish what there is (RFC 9113 §6.8)."""
    connection.lifetime.drain()


HANDLERS: Final[dict[int, Callable[["Connection", Frame], None]]] = {
    SETTINGS: settings,  # type: ignore[dict-item]
    PING: ping,  # type: ignore[dict-item]
    RST_STREAM: rst_stream,  # type: ignore[dict-item]
    PRIORITY: priority,  # type: ignore[dict-item]
    GOAWAY: go_away,  # type: ignore[dict-item]
}
