"""Which mirror copies: a process of its own, or this one where there is no room for that."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from onnx_server.protocol.datatypes import Tensor
from onnx_server.traffic.mirror.apart import Apart
from onnx_server.traffic.mirror.copier import Copier
from onnx_server.traffic.mirror.messages import Begin, Copy, Heard, Told, Twice
from onnx_server.traffic.mirror.packing import Packed
from onnx_server.traffic.split import Address

log = logging.getLogger(__name__)

ROOM_BYTES = 64 * 1024 * 1024
"""What a process of its own takes more than this one would, besides the copies' bytes, which are there once more.

Kubernetes ends the whole container, and not the process that asked for it, where there is no memory left.
"""


class Chosen:
    """Belongs to the event loop. What is chosen stays so until `end`, but a process that is lost is not begun again."""

    def __init__(self, sender: bytes, room: Callable[[], int | None] = lambda: None) -> None:
        """Begin with nothing. `sender` is the revision of this pod, `room` gives how many bytes it may still take."""
        self.starts = 0
        self._sender = sender
        self._room = room
        self._candidates: tuple[Address, ...] = ()
        self._mirror: Apart | Copier | None = None

    def start(self, max_bytes: int) -> None:
        """Be there, from now on, for copies of so many bytes that are under way together."""
        if self._mirror is None:
            self._choose(self._apart(ROOM_BYTES + max_bytes) or Copier(self._sender))
        elif isinstance(self._mirror, Apart) and self._mirror.lost:
            log.warning("the process that copied requests ended: what it had compared is lost, and this one copies now")
            self._choose(Copier(self._sender))

    def _choose(self, mirror: Apart | Copier) -> None:
        self.starts += 1
        self._mirror = mirror
        mirror.order(self._candidates)

    def _apart(self, needed: int) -> Apart | None:
        room = self._room()
        if room is not None and room < needed:
            sizes = {"freeBytes": room, "neededBytes": needed}
            log.warning("requests are copied in this process: the memory limit has no room for another", extra=sizes)
            return None
        try:
            return Apart(self._sender)
        except OSError as error:
            log.warning("requests are copied in this process: no other could be started", extra={"error": str(error)})
            return None

    def order(self, candidates: tuple[Address, ...]) -> None:
        """Ask these pods from now on."""
        if candidates != self._candidates:
            self._candidates = candidates
            if self._mirror is not None:
                self._mirror.order(candidates)

    def begin(self, message: Begin) -> None:
        """Begin comparisons."""
        if self._mirror is not None:
            self._mirror.begin(message)

    def prepared(self, message: Copy | Twice) -> object:
        """Return what `ask` takes in its place."""
        mirror = self._mirror
        return message if mirror is None else mirror.prepared(message)

    def ask(self, message: object, heard: Heard, patience: float = 0.0) -> None:
        """Have a message compared."""
        if self._mirror is None or (isinstance(message, Packed) and not isinstance(self._mirror, Apart)):
            asyncio.get_running_loop().call_soon(heard, Told("interrupted"))  # what began with an earlier one
        else:
            self._mirror.ask(message, heard, patience)

    async def kept(self, digest: str) -> Mapping[str, Tensor] | None:
        """Return the inputs of one of the worst copies; None if they were not kept."""
        return None if self._mirror is None else await self._mirror.kept(digest)

    def end(self) -> None:
        """Forget all, and let go of the process; what is under way is lost."""
        mirror, self._mirror = self._mirror, None
        if mirror is not None:
            mirror.end()
