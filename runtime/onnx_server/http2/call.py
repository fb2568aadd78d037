"""One call: a stream of HTTP/2 from its headers to its trailers, as its handler sees it."""

import asyncio
import logging
import struct
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from . import headers
from .frames import DATA, END_HEADERS, END_STREAM, HEAD, HEADERS, ErrorCode, frame, rst_stream
from .inbound import Inbound
from .outbound import Outbound
from .request import Request
from .status import StatusCode, StatusError

if TYPE_CHECKING:
    from .connection import Connection

Message = bytes | memoryview | Sequence[bytes | memoryview]
"""A message, whole or in pieces. A memoryview is of bytes (format B); its memory stays as it is until it is sent."""

LOG: Final = logging.getLogger(__name__)
ANSWER_HEAD: Final = HEAD.pack(len(headers.ANSWER) << 8 | HEADERS, END_HEADERS, 0)[:5]
OK_HEAD: Final = HEAD.pack(len(headers.OK) << 8 | HEADERS, END_HEADERS | END_STREAM, 0)[:5]
# The answer's HEADERS frame, the head of its DATA frame, the message's prefix.
ANSWER: Final = struct.Struct(f">5sI{len(headers.ANSWER)}sIBIBI").pack
TRAILERS: Final = struct.Struct(f">5sI{len(headers.OK)}s").pack
FAILED: Final = "the server failed: its log says why"


class Call:
    """A call. Everything here belongs to the event loop.

    A unary handler keeps the call and answers later by `finish` or `fail`; what it answers after the end is dropped.
    A streaming handler iterates over the call's messages and sends its own; its return ends the call with OK.
    `deadline` is the client's, in seconds of time.monotonic(), or None.
    `on_cancel` is called once if the call ends without the handler's doing: the client reset it or went away, or the
    deadline passed. A streaming handler's task is cancelled then, too.
    `on_drain` is called once if the connection is to end while a streaming call is under way (`draining` says whether
    it was so before the handler began). Its messages end then at the next pause; with `holds` they go on until the
    handler says `let_go`, or returns.
    """

    __slots__ = (
        "_begun",
        "_task",
        "_timer",
        "born",
        "connection",
        "deadline",
        "done",
        "ended",
        "holds",
        "inbound",
        "on_cancel",
        "on_drain",
        "outbound",
        "request",
        "stream",
        "window",
    )

    def __init__(self, connection: "Connection", stream: int, request: Request, timeout: float | None) -> None:
        self.connection = connection
        self.stream = stream
        self.request = request
        self.window = connection.peer_window  # what the client still takes of this stream
        self.born: float = connection.server.clock
        self.ended = False  # the client has said all
        self.done = False  # the handler has, or nobody listens
        self.holds = False
        self._begun = False  # the answer's headers went out
        self.inbound: Inbound | None = None
        self.outbound: Outbound | None = None
        self.on_cancel: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if timeout is None:
            self.deadline: float | None = None
        else:
            self.deadline = time.monotonic() + timeout
            self._timer = connection.loop.call_later(timeout, self._expire)

    @property
    def metadata(self) -> list[tuple[str, str | bytes]]:
        """The client's metadata in its order; values of names that end with -bin are bytes. Not to be changed."""
        return self.request.metadata

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The client's metadata as it came. Not to be changed."""
        return self.request.custom

    @property
    def peer(self) -> str:
        """The client's address and port."""
        return self.connection.peer

    @property
    def draining(self) -> bool:
        """Whether the connection is to end: long streams end at the next pause."""
        return self.connection.final

    # -- a unary answer ------------------------------------------------------------------------------------------------
    def finish(self, message: Message) -> None:
        """Answer a unary call with its one message and OK."""
        if self.done:
            return
        self.done = True
        connection, stream = self.connection, self.stream
        size = 5 + (len(message) if type(message) is bytes else length(message))
        if size > connection.window or size > self.window or size > connection.peer_frame or connection.paused:
            self._put(message, size)
            self.close(headers.OK)
            return
        connection.window -= size
        out = connection.out
        out.append(ANSWER(ANSWER_HEAD, stream, headers.ANSWER, size << 8 | DATA, 0, stream, 0, size - 5))
        if isinstance(message, (bytes, memoryview)):
            out.append(message)
        else:
            out.extend(message)
        out.append(TRAILERS(OK_HEAD, stream, headers.OK))
        if not connection.flushing:
            connection.flushing = True
            connection.loop.call_soon(connection.flush)
        del connection.calls[stream]
        if self._timer is not None:
            self._timer.cancel()
        if connection.ends:
            connection.call_over()

    def fail(self, code: StatusCode, text: str) -> None:
        """End the call with a status other than OK. The text is cut at 4,096 bytes on the wire."""
        if self.done:
            return
        self.done = True
        self.close(headers.status(code, text))

    # -- a streaming call ----------------------------------------------------------------------------------------------
    def __aiter__(self) -> "Call":
        return self

    async def __anext__(self) -> bytes:
        """Return the next message; ends when the client ended its side, or the connection drains."""
        message = None if self.inbound is None else await self.inbound.next()
        if message is None:
            raise StopAsyncIteration
        return message

    @property
    def pending(self) -> bool:
        """Whether something has come that was not handed on: messages, or the beginning of one."""
        return self.inbound is not None and bool(self.inbound.queue or self.inbound.buffer)

    def let_go(self) -> None:
        """Let the messages end at the next pause if the connection is to end, in spite of `holds`."""
        self.holds = False
        if self.inbound is not None:
            self.inbound.drain()

    async def send(self, message: Message) -> None:
        """Send one message of a streaming call; waits while the client takes no more."""
        if self.done:
            return
        connection = self.connection
        if not self._begun:
            self._begin(headers.ANSWER)
        self._put(message, 5 + length(message))
        if self.outbound is not None and (self.outbound.size or connection.paused):
            if not self.outbound.size:
                connection.waiting.add(self.outbound.drained)
                self.outbound.drained.clear()
            await self.outbound.drained.wait()

    async def _run(self) -> None:
        try:
            await self.request.handler(self)
            if not self.done:
                self.done = True
                self.close(headers.OK)
        except StatusError as error:
            self.fail(error.code, error.text)
        except Exception:
            LOG.exception("a gRPC handler failed")
            self.fail(StatusCode.INTERNAL, FAILED)

    # -- what the connection does --------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin what does not wait for a whole message: refusals and streams."""
        request = self.request
        if request.refusal is not None:
            if request.http_status is None:
                self.refuse()
            else:
                self.inbound = Inbound(self)
        elif request.streaming:
            self.inbound = Inbound(self)
            self._task = self.connection.loop.create_task(self._run())
        elif request.length is not None:
            self.inbound = Inbound(self)

    def refuse(self) -> None:
        """Answer a request that no handler takes: with a status, or as HTTP where no gRPC client asks."""
        if self.request.refusal is None:
            return
        code, text = self.request.refusal
        if self.request.http_status is not None:
            self._begin(headers.http_error(self.request.http_status))
            self._put_pieces((text.encode(),), len(text.encode()))
        self.fail(code, text)

    def invoke(self, message: bytes) -> None:
        """Hand a unary call to its handler."""
        try:
            self.request.handler(self, message)
        except StatusError as error:
            self.fail(error.code, error.text)
        except Exception:
            LOG.exception("a gRPC handler failed")
            self.fail(StatusCode.INTERNAL, FAILED)

    def receive(self, payload: bytes, size: int) -> None:
        """Take the payload of a DATA frame that is not a whole unary request."""
        if self.inbound is None:
            self.inbound = Inbound(self)
        self.inbound.receive(payload, size)

    def _begin(self, block: bytes) -> None:
        self._begun = True
        self.connection.write(frame(HEADERS, END_HEADERS, self.stream, block))

    def _put(self, message: Message, size: int) -> None:
        pieces = (message,) if isinstance(message, (bytes, memoryview)) else message
        if not self._begun:
            self._begin(headers.ANSWER)
        self._put_pieces((b"\0" + (size - 5).to_bytes(4, "big"), *pieces), size)

    def _put_pieces(self, pieces: Sequence[bytes | memoryview], size: int) -> None:
        if self.outbound is None:
            self.outbound = Outbound(self)
        if self.outbound.put(pieces, size):
            self.connection.ready[self.stream] = self
            self.connection.pump()
        else:
            # Trailers need no window, so the client hears of it in any case.
            self.outbound.release()
            self.outbound.trailers = None
            self.done = True
            self.close(headers.status(StatusCode.RESOURCE_EXHAUSTED, "too many answers wait for clients to read them"))

    def close(self, trailers: bytes) -> None:
        """Send the trailers after all that waits, and leave the connection."""
        outbound = self.outbound
        if self.stream not in self.connection.calls:
            return
        if outbound is not None and outbound.size:
            outbound.trailers = trailers
            return
        # A call that sent nothing ends "Trailers-Only": one HEADERS frame is both.
        block = trailers if self._begun else headers.ANSWER + trailers
        self.connection.write(frame(HEADERS, END_HEADERS | END_STREAM, self.stream, block))
        if not self.ended:  # RFC 9113 §8.1: the client need not go on
            self.connection.write(rst_stream(self.stream, ErrorCode.NO_ERROR))
            self.connection.remember(self.stream)
        self.leave()

    def cancel(self) -> None:
        """End the call without an answer: nobody listens any more."""
        answered, self.done = self.done, True
        self.leave()
        if self.on_cancel is not None and not answered:
            self._tell(self.on_cancel)
        if self._task is not None:
            self._task.cancel()

    def _expire(self) -> None:
        """End the call at its deadline."""
        if self.outbound is not None and self.outbound.size:  # in the middle of a message
            self.connection.reset(self, ErrorCode.CANCEL)
        elif not self.done:
            self.abandon(StatusCode.DEADLINE_EXCEEDED, "the deadline passed")

    def abandon(self, code: StatusCode, text: str) -> None:
        """End the call with a status that the handler did not give."""
        self.fail(code, text)
        if self.on_cancel is not None:
            self._tell(self.on_cancel)
        if self._task is not None:
            self._task.cancel()

    def is_late(self, now: float, seconds: float) -> bool:
        """Return whether the client lets the server wait for the rest of a message for so long."""
        return now - self.born > seconds if self.inbound is None else self.inbound.is_late(now, seconds)

    def drain(self) -> None:
        """Tell a long stream that the connection is to end."""
        if self.inbound is not None and self.request.streaming:
            self.inbound.drain()
            if self.on_drain is not None:
                self._tell(self.on_drain)

    def _tell(self, hook: Callable[[], None]) -> None:
        try:
            hook()
        except Exception:
            LOG.exception("a gRPC handler's hook failed")

    def leave(self) -> None:
        """Take the call off its connection, and give back what it holds."""
        connection = self.connection
        if connection.calls.pop(self.stream, None) is None:
            return
        connection.ready.pop(self.stream, None)
        if self._timer is not None:
            self._timer.cancel()
        if self.inbound is not None:
            self.inbound.release()
        if self.outbound is not None:
            self.outbound.release()
        if connection.ends:
            connection.call_over()


def length(message: Message) -> int:
    """Return a message's size in bytes."""
    if isinstance(message, (bytes, memoryview)):
        return len(message)
    return sum(map(len, message))
