"""The answer side of one call, where it could not be sent at once: what waits for the client's windows."""

import asyncio
import collections
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .frames import DATA, HEAD

if TYPE_CHECKING:
    from .call import Call


class Outbound:
    """Pieces of messages in their order, and the trailers that follow them (RFC 9113 §5.2, §6.9).

    The pieces are sent from where they lie, so their memory must stay as it is until then.
    """

    __slots__ = ("_call", "_pieces", "drained", "since", "size", "trailers")

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._pieces: collections.deque[memoryview] = collections.deque()
        self.size = 0  # bytes in all pieces
        self.trailers: bytes | None = None
        self.drained = asyncio.Event()
        self.since = call.connection.server.clock  # of the last progress

    def put(self, pieces: Iterable[bytes | memoryview], size: int) -> bool:
        """Queue a message of `size` bytes; return False if the server holds too much already."""
        server = self._call.connection.server
        if not self.size:
            self.since = server.clock
        self._pieces.extend(map(memoryview, pieces))
        self.size += size
        server.buffered += size
        self.drained.clear()
        return server.buffered <= server.limits.max_buffered_bytes

    def send_frame(self) -> bool:
        """Send one frame as the windows allow; return whether another one may follow at once."""
        call, connection = self._call, self._call.connection
        size = room = min(self.size, connection.window, call.window, connection.peer_frame)
        connection.write(HEAD.pack(size << 8 | DATA, 0, call.stream))
        pieces = self._pieces
        while room:
            piece = pieces[0]
            if len(piece) <= room:
                connection.write(pieces.popleft())
                room -= len(piece)
            else:
                connection.write(piece[:room])
                pieces[0] = piece[room:]
                room = 0
        connection.window -= size
        connection.unsent += size
        call.window -= size
        self.size -= size
        connection.server.buffered -= size
        self.since = connection.server.clock
        if self.size:
            return call.window > 0
        if self.trailers is not None:
            call.close(self.trailers)
        self.drained.set()
        return False

    def release(self) -> None:
        """Forget everything: the call is over."""
        self._call.connection.server.buffered -= self.size
        self.size = 0
        self._pieces.clear()
        self.drained.set()
