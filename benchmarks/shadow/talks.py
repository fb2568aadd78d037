"""What is said on one connection to a pod, in bytes: HTTP/1.1 in binary form, and gRPC. Pure.

Neither wrk nor h2load can pace: wrk asks as soon as it was answered, and with --rps h2load's clients ask at the same
moments, in bursts.
"""

import re
import struct
from collections.abc import Callable
from typing import Final, Protocol

import hpack

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.messages import Message
from benchmarks.server.over_grpc import METHOD
from benchmarks.server.places import HOST

LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
HEAD: Final = struct.Struct(">IBI")
"""A frame's head: length and type, flags, stream."""
ROOM: Final = (1 << 31) - 1 - 65535
"""What a connection is given on top of what it begins with, so that it is never asked for more."""


class Talk(Protocol):
    """One connection; one request at a time."""

    def greeting(self) -> bytes:
        """Return what is sent first."""

    def request(self) -> bytes:
        """Return the next request."""

    def answered(self, data: bytes) -> bool:
        """Take what came; return whether the answer is complete. Raises BenchmarkError if it is a wrong one."""


class HttpTalk:
    """The same request again and again."""

    def __init__(self, path: str, message: Message) -> None:
        headers = {"Host": HOST, **message.headers, "Content-Length": str(len(message.body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + message.body
        self._buffer = b""

    def greeting(self) -> bytes:
        """Say nothing."""
        return b""

    def request(self) -> bytes:
        """Return the request."""
        return self._request

    def answered(self, data: bytes) -> bool:
        """Take what came."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = LENGTH.search(self._buffer, 0, end + 2)
        if not self._buffer.startswith(b"HTTP/1.1 200 ") or length is None:
            raise BenchmarkError(f"a paced request was answered {self._buffer[:500]!r}")
        if len(self._buffer) < end + 4 + int(length[1]):
            return False
        self._buffer = b""
        return True


class GrpcTalk:
    """The same message again and again, each in a stream of its own. `frame` is the message with its prefix."""

    def __init__(self, frame: bytes, answer_bytes: int) -> None:
        self._frame = frame
        self._expected = answer_bytes + 5
        self._encoder = hpack.Encoder()
        self._stream = -1
        self._buffer = b""
        self._got = 0

    def greeting(self) -> bytes:
        """Return the preface, and take the server's settings, whatever they will be."""
        update = _frame(WINDOW_UPDATE, 0, 0, ROOM.to_bytes(4, "big"))
        return PREFACE + _frame(SETTINGS, 0, 0, b"") + update + _frame(SETTINGS, ACK, 0, b"")

    def request(self) -> bytes:
        """Return the headers and the message."""
        self._stream += 2
        self._got = 0
        pseudo = ((":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", HOST))
        block = self._encoder.encode((*pseudo, ("content-type", "application/grpc"), ("te", "trailers")))
        return _frame(HEADERS, END_HEADERS, self._stream, block) + _frame(DATA, END_STREAM, self._stream, self._frame)

    def answered(self, data: bytes) -> bool:
        """Take what came. An error has no message, so the bytes of the messages say whether it is an answer."""
        self._buffer += data
        done = False
        while len(self._buffer) >= HEAD.size:
            kind, flags, stream = HEAD.unpack_from(self._buffer)
            size, kind = kind >> 8, kind & 0xFF
            if len(self._buffer) < HEAD.size + size:
                break
            self._buffer = self._buffer[HEAD.size + size :]
            if kind in {GOAWAY, RST_STREAM}:
                raise BenchmarkError("a paced call was ended by the server")
            if stream and kind == DATA:
                self._got += size
            if stream and kind in {DATA, HEADERS} and flags & END_STREAM:
                done = True
        if done and self._got != self._expected:
            raise BenchmarkError(f"a paced call was answered with {self._got} bytes, not {self._expected}")
        return done


Begin = Callable[[], Talk]


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload
