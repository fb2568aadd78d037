"""The mirror as a process of its own: it has an interpreter of its own, and runs only while the pod leaves CPU time.

What copies cost in the pod's own interpreter all clients' requests would wait for that come meanwhile.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from onnx_server.protocol.datatypes import Tensor
from onnx_server.traffic.mirror.link import Link
from onnx_server.traffic.mirror.messages import Begin, Copy, Heard, Told, Twice
from onnx_server.traffic.mirror.packing import packed
from onnx_server.traffic.split import Address

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0
"""Besides a copy's own: in a pod that is always busy the process may not run for some seconds."""
KEPT_SECONDS = 10.0
"""For inputs that were kept."""
# numpy's libraries would else begin a thread for each of the node's cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Apart:
    """Belongs to the event loop. `lost` is whether the process ended, or does not answer."""

    def __init__(self, sender: bytes) -> None:
        """Start the process. `sender` is the revision of this pod. Raises OSError if that cannot be."""
        self.lost = False
        self._waiting: dict[int, tuple[Callable[[Any], None], asyncio.TimerHandle]] = {}
        self._numbers = count(1)
        self._link = Link(self._heard, self._lost)
        self._loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _started(theirs, sender)
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)
        self._connecting = self._loop.create_task(self._connect(ours))

    async def _connect(self, ours: socket.socket) -> None:
        try:
            await self._loop.create_unix_connection(lambda: self._link, sock=ours)
        except OSError:
            log.exception("bug: no connection to the process that copies requests")
            ours.close()
            self._lost()

    def order(self, candidates: tuple[Address, ...]) -> None:
        """Ask these pods from now on."""
        self._link.send(0, candidates)

    def begin(self, message: Begin) -> None:
        """Begin comparisons."""
        self._link.send(0, message)

    def prepared(self, message: Copy | Twice) -> object:
        """Return it as it is sent."""
        return packed(message)

    def ask(self, message: object, heard: Heard, patience: float = 0.0) -> None:
        """Have a message compared."""
        self._ask(message, heard, patience + PATIENCE_SECONDS)

    async def kept(self, digest: str) -> Mapping[str, Tensor] | None:
        """Return the inputs of one of the worst copies; None if they were not kept, or are not to be had."""
        future: asyncio.Future[object] = self._loop.create_future()
        self._ask(digest, lambda inputs: None if future.done() else future.set_result(inputs), KEPT_SECONDS)
        inputs = await future
        return inputs if isinstance(inputs, Mapping) else None

    def _ask(self, message: object, heard: Callable[[Any], None], seconds: float) -> None:
        if self.lost:
            self._loop.call_soon(heard, Told("interrupted"))
            return
        ready = packed(message)
        number = next(self._numbers)
        self._waiting[number] = heard, self._loop.call_later(seconds, self._silent)
        self._link.send(number, ready)

    def _heard(self, number: int, result: object) -> None:
        if number in self._waiting:
            heard, timer = self._waiting.pop(number)
            timer.cancel()
            heard(result)

    def _silent(self) -> None:
        log.warning("the process that copies requests does not answer")
        self.end()

    def _lost(self) -> None:
        self.lost = True
        waiting, self._waiting = self._waiting, {}
        for heard, timer in waiting.values():
            timer.cancel()
            heard(Told("interrupted"))

    def end(self) -> None:
        """End the process. What is under way is lost."""
        self._link.close()
        self._process.kill()
        self._lost()


def _started(theirs: socket.socket, sender: bytes) -> "subprocess.Popen[bytes]":
    """Start the process. Raises OSError. A group of its own keeps a terminal's Ctrl-C from it: it ends with its pod."""
    descriptor = theirs.fileno()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "onnx_server.traffic.mirror", str(descriptor), sender.decode()],
        stdin=subprocess.DEVNULL,
        pass_fds=[descriptor],
        env={**os.environ, **_ONE_THREAD},
        process_group=0,
    )
    try:
        threading.Thread(target=_reap, args=(process,), name="reap the mirror", daemon=True).start()
    except RuntimeError as error:  # as many threads as there may be
        process.kill()
        raise OSError(str(error)) from error
    return process


def _reap(process: "subprocess.Popen[bytes]") -> None:
    code = process.wait()
    if code not in {0, -signal.SIGKILL}:
        log.warning("the process that copies requests failed", extra={"code": code})
