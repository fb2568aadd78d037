"""The request side of one call: DATA payloads to messages (PROTOCOL-HTTP2, "Length-Prefixed-Message")."""

import asyncio
import collections
import zlib
from typing import TYPE_CHECKING, Final

from .frames import ErrorCode, window_update
from .status import StatusCode, StatusError

if TYPE_CHECKING:
    from .call import Call

PREFIX: Final = 5
"""Bytes before a message: whether it is compressed, and its length in four."""
WINDOW_BITS: Final = {b"gzip": 31, b"deflate": 15}


class Inbound:
    """What came of a call's request and was not handed on yet.

    A unary call whose request is one frame never has one. The stream's window is given back when half of it is used
    and the bytes have been read: of a streaming call only while its handler waits for more, which is the back-pressure.
    """

    __slots__ = ("_call", "_queued", "buffer", "credit", "held", "queue", "received", "since", "waiter")

    def __init__(self, call: "Call") -> None:
        self._call = call
        self.buffer = bytearray()
        self.queue: collections.deque[bytes] = collections.deque()
        self._queued = 0  # bytes of messages in `queue`
        self.held = 0  # what of it counts in the server's buffered bytes
        self.credit = 0  # bytes that the client's window lacks until they are given back
        self.received = 0
        self.since: float = call.born  # when the message that is awaited began
        self.waiter: asyncio.Future[None] | None = None

    # -- bytes in ------------------------------------------------------------------------------------------------------
    def receive(self, payload: bytes, size: int) -> None:
        """Take a frame's payload; `size` is what the frame counted in flow control. May end the call."""
        call, connection = self._call, self._call.connection
        self.credit += size
        self.received += len(payload)
        length = call.request.length
        if self.credit > connection.limits.stream_window:
            connection.misused(call, ErrorCode.FLOW_CONTROL_ERROR)
        elif length is not None and (self.received > length or (call.ended and self.received < length)):
            connection.misused(call, ErrorCode.PROTOCOL_ERROR)  # RFC 9113 §8.1.1
        elif call.request.http_status is not None:
            # An HTTP client hears of its mistake when it has said all it wanted to: many do not listen before.
            self.give_credit()
            if call.ended:
                call.refuse()
        else:
            self._assemble(payload)

    def _assemble(self, payload: bytes) -> None:
        call = self._call
        try:
            if payload:
                if not self.buffer:
                    self.since = call.connection.server.clock
                self.buffer += payload
                while self._take():
                    pass
                self.account()
            if call.ended:
                self._end()
        except StatusError as error:
            call.fail(error.code, error.text)
            return
        if not call.ended and (not call.request.streaming or self.waiter is not None):
            self.give_credit()

    def _take(self) -> bool:
        """Move one whole message from the buffer to the queue; return False if there is none."""
        buffer = self.buffer
        if len(buffer) < PREFIX:
            return False
        limit = self._call.connection.limits.max_message_bytes
        size = int.from_bytes(buffer[1:PREFIX], "big")
        if size > limit:
            text = f"a message of {size} bytes: at most {limit} are taken (maxMessageBytes)"
            raise StatusError(StatusCode.RESOURCE_EXHAUSTED, text)
        if len(buffer) < PREFIX + size:
            return False
        with memoryview(buffer) as view:
            message = bytes(view[PREFIX : PREFIX + size])
        if buffer[0]:
            message = decompress(message, buffer[0], self._call.request.encoding, limit)
        del buffer[: PREFIX + size]
        if self.queue and not self._call.request.streaming:
            raise StatusError(StatusCode.INTERNAL, "a unary call has one request message: two came")
        self.queue.append(message)
        self._queued += len(message)
        self._wake()
        return True

    def _end(self) -> None:
        if self.buffer:
            raise StatusError(StatusCode.INTERNAL, "the request ends inside a message")
        if self._call.request.streaming:
            self._wake()
        elif self.queue:
            message = self._pop()
            self._call.invoke(message)
        else:
            raise StatusError(StatusCode.INTERNAL, "a unary call has one request message: none came")

    def account(self) -> None:
        """Count in the server what this call holds now; raises StatusError when that is too much."""
        server = self._call.connection.server
        held = len(self.buffer) + self._queued
        server.buffered += held - self.held
        grew = held > self.held
        self.held = held
        if grew and server.buffered > server.limits.max_buffered_bytes:
            raise StatusError(StatusCode.RESOURCE_EXHAUSTED, "the server holds too much unfinished work: try later")

    # -- messages out --------------------------------------------------------------------------------------------------
    def _pop(self) -> bytes:
        message = self.queue.popleft()
        self._queued -= len(message)
        self.account()
        return message

    async def next(self) -> bytes | None:
        """Return the next message of a stream; None when there are no more, or the connection is to end."""
        call = self._call
        while not self.queue:
            if call.ended or call.done or self.may_end():
                return None
            self.give_credit()
            self.waiter = call.connection.loop.create_future()
            try:
                await self.waiter
            finally:
                self.waiter = None
        return self._pop()

    def may_end(self) -> bool:
        """Return whether the connection drains, the handler lets go, and the client is between messages."""
        return self._call.connection.final and not self._call.holds and not self.queue and not self.buffer

    def _wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def drain(self) -> None:
        """End the stream of messages if it is between two."""
        if self.may_end():
            self._wake()

    def give_credit(self) -> None:
        """Open the stream's window again when half of it is used."""
        call = self._call
        if self.credit > call.connection.limits.stream_window >> 1 and not call.ended:
            call.connection.write(window_update(call.stream, self.credit))
            self.credit = 0

    def is_late(self, now: float, seconds: float) -> bool:
        """Return whether the client is in the middle of a message for too long, and could go on."""
        if self._call.request.streaming and (not self.buffer or self.waiter is None):
            return False
        return now - self.since > seconds

    def release(self) -> None:
        """Forget everything: the call is over."""
        self._call.connection.server.buffered -= self.held
        self.held = self._queued = 0
        self.buffer = bytearray()
        self.queue.clear()
        self._wake()


def decompress(message: bytes, flag: int, encoding: bytes, limit: int) -> bytes:
    """Return a compressed message as it was, of at most `limit` bytes; raises StatusError."""
    if flag != 1 or encoding not in WINDOW_BITS:
        text = "a message is marked as compressed: expected grpc-encoding gzip or deflate, and the mark 0 or 1"
        raise StatusError(StatusCode.INTERNAL, text)
    decompressor = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        whole = decompressor.decompress(message, limit + 1)
    except zlib.error:
        whole = b""
    if len(whole) > limit:
        text = f"a message has over {limit} bytes when decompressed: at most these are taken (maxMessageBytes)"
        raise StatusError(StatusCode.RESOURCE_EXHAUSTED, text)
    if not decompressor.eof or decompressor.unused_data:
        raise StatusError(StatusCode.INTERNAL, f"a message is not {encoding.decode()} as grpc-encoding says")
    return whole
