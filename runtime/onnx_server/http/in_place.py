"""Large requests, received where their tensors shall lie.

On the usual way each byte is copied four times before the model sees it: into the event loop's buffer, out of it, out
of the parser, together with the other pieces; and once more where a tensor would not begin at an address that kernels
may rely on. Of hundreds of kilobytes that takes longer than many models do.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from onnx_server.http.quick import QuickConnection

# Vector instructions load up to this many bytes at once.
_ALIGNMENT = 64


class InPlace(asyncio.BufferedProtocol):
    """Takes a connection's place on its transport for a body, and for all requests after it with the same head.

    It gives the place back as soon as something else comes.
    """

    _spare: ClassVar["tuple[tuple[int, int], memoryview] | None"] = None
    """Room that was offered, and not needed; and for which requests. It is offered again, so that idle clients, who are
    asked now and then whether there is more, have none of their own. What is offered is filled or not at once."""

    def __init__(self, connection: "QuickConnection", head: bytes, length: int, tensors: int) -> None:
        """Make it for requests of this head with bodies of `length` bytes, in which tensors begin at `tensors`.

        An empty head is one that is not known: then this is for one body only, that has begun.
        """
        self._connection = connection
        self._head = head
        self._start = len(head)
        # Where a request ends, and where in it tensors begin.
        self._shape = (len(head) + length, len(head) + tensors)
        self._room: memoryview | None = None
        self._filled = 0
        self._in_body = False

    def take_place(self, begun: Sequence[bytes] | None = None) -> None:
        """Receive what comes next: requests, or first the rest of a body of which `begun` is there."""
        if begun is not None:
            self._in_body, self._room, self._filled = True, _new_room(*self._shape), self._start
            for part in begun:
                end = self._filled + len(part)
                self._room[self._filled : end] = part
                self._filled = end
        _hear(self._connection.transport, self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the rest of a request goes: never more, for what is behind it is another one."""
        del sizehint
        if self._room is not None:
            return self._room[self._filled :]
        if self._spare is None or self._spare[0] != self._shape:
            InPlace._spare = self._shape, _new_room(*self._shape)
            return InPlace._spare[1]
        return self._spare[1]

    def buffer_updated(self, nbytes: int) -> None:
        """Look at what came."""
        room = self._room
        if room is None:
            if self._spare is None:
                raise AssertionError("what is filled was offered before")
            self._room = room = self._spare[1]
            InPlace._spare = None
        self._filled = filled = self._filled + nbytes
        if not self._in_body:
            # What is not filled yet may hold anything, even that head.
            again = filled >= self._start and room[: self._start] == self._head
            if not (again and self._connection.head_came_again()):
                self._give_back()
                self._connection.data_received(bytes(room[:filled]))
                return
            self._in_body = True
        if filled == len(room) and not self._connection.transport.is_closing():
            self._room, self._filled, self._in_body = None, 0, False
            if not self._head:
                self._give_back()
            self._connection.body_received(room[self._start :].toreadonly())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell it on."""
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell it on."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Tell it on."""
        self._connection.resume_writing()

    def _give_back(self) -> None:
        _hear(self._connection.transport, self._connection)


def _new_room(end: int, tensors: int) -> memoryview:
    """Return room for `end` bytes of which byte `tensors` lies at an aligned address."""
    room = np.empty(end + _ALIGNMENT, np.uint8)
    address: int = room.__array_interface__["data"][0]
    first = -(address + tensors) % _ALIGNMENT
    return room.data[first : first + end]


def _hear(transport: asyncio.Transport, protocol: asyncio.BaseProtocol) -> None:
    """Have `protocol` hear what `transport` receives. A transport asks when it begins to read how that is to be.

    Nobody else has paused it: a connection gives its place away only between requests, or in one of its own.
    """
    transport.pause_reading()
    transport.set_protocol(protocol)
    transport.resume_reading()
