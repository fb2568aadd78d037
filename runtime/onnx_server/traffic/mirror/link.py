"""Messages over a socket between two processes of this program, large arrays beside them as they lie in memory."""

import asyncio
import struct
from collections.abc import Callable
from typing import cast

from onnx_server.traffic.mirror.packing import Packed, packed, unpacked

_HEAD = struct.Struct("<QQ")
"""The message's number, and how many parts it has."""
_SIZE = 8
_ALIGNED = 8
"""Each part of a message begins at a multiple of so many bytes: numpy would copy what is not aligned."""


class Link(asyncio.Protocol):
    """One end. `heard` gets each message with its number, `lost` is called once the other end is gone.

    What is sent before there is a connection goes with it.
    """

    def __init__(self, heard: Callable[[int, object], None], lost: Callable[[], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes | memoryview] = []
        self._closed = False
        self._buffer = bytearray()
        self._wanted = _HEAD.size

    def send(self, number: int, message: object) -> None:
        """Send a message; nobody gets it if the other end is gone. Its arrays must not change any more."""
        if self._closed:
            return
        frame = framed(number, packed(message))
        if self._transport is None:
            self._early += frame
        elif len(frame) == 1:
            self._transport.write(frame[0])
        else:
            self._transport.writelines(frame)

    def close(self) -> None:
        """End the connection; what was not sent yet is not sent."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what waited."""
        self._transport = cast("asyncio.Transport", transport)
        if self._closed:
            self._transport.abort()
        elif self._early:
            self._transport.writelines(self._early)
            self._early = []

    def data_received(self, data: bytes) -> None:
        """Hand over the messages that are complete."""
        self._buffer += data
        while len(self._buffer) >= self._wanted:
            number, count = _HEAD.unpack_from(self._buffer)
            self._wanted = _HEAD.size + count * _SIZE
            if len(self._buffer) < self._wanted:
                return
            sizes = struct.unpack_from(f"<{count}Q", self._buffer, _HEAD.size)
            self._wanted += sum(map(_padded, sizes))
            if len(self._buffer) < self._wanted:
                return
            frame, self._buffer = self._buffer, self._buffer[self._wanted :]
            self._wanted = _HEAD.size
            message, *parts = _parts(frame, sizes)
            self._heard(number, unpacked(message, parts))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell."""
        self._closed = True
        self._early = []
        self._lost()


def framed(number: int, message: Packed) -> list[bytes | memoryview]:
    """Return a message as it is sent: its number, how many parts, the size of each, and the parts, itself first."""
    sizes = [len(message.message), *map(len, message.parts)]
    head = struct.pack(f"<{len(sizes) + 2}Q", number, len(sizes), *sizes)
    frame: list[bytes | memoryview] = [head + message.message + bytes(_missing(sizes[0]))]
    for part in message.parts:
        frame.append(part)
        if missing := _missing(len(part)):
            frame.append(bytes(missing))
    return frame


def _parts(frame: bytearray, sizes: tuple[int, ...]) -> list[memoryview]:
    view = memoryview(frame)
    parts, offset = [], _HEAD.size + len(sizes) * _SIZE
    for size in sizes:
        parts.append(view[offset : offset + size])
        offset += _padded(size)
    return parts


def _missing(size: int) -> int:
    return -size % _ALIGNED


def _padded(size: int) -> int:
    return size + _missing(size)
