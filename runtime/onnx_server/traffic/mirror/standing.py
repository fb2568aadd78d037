"""What the process does that copies: it answers messages until the other end is gone."""

import asyncio
import gc
import socket
from dataclasses import replace
from functools import partial

import uvloop

from onnx_server.traffic.mirror.contention import Contention
from onnx_server.traffic.mirror.copier import Copier
from onnx_server.traffic.mirror.link import Link
from onnx_server.traffic.mirror.messages import Begin, Copy, Told, Twice


def run(descriptor: int, sender: bytes) -> None:
    """Do so at one end of a pair of sockets, for a pod of revision `sender`."""
    gc.freeze()  # what was imported stays, and is not to be looked through again and again
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(socket.socket(fileno=descriptor), sender))


async def _run(ours: socket.socket, sender: bytes) -> None:
    over = asyncio.Event()
    copier = Copier(sender)
    tasks: set[asyncio.Task[None]] = set()
    contention = Contention()

    def copied(number: int, told: Told) -> None:
        link.send(number, replace(told, contended=contention.since()))

    async def kept(number: int, digest: str) -> None:
        link.send(number, await copier.kept(digest))

    def heard(number: int, message: object) -> None:
        match message:
            case Copy():
                copier.ask(message, partial(copied, number))
            case Twice():  # what it takes the next copy tells
                copier.ask(message, partial(link.send, number))
            case Begin():
                copier.begin(message)
            case tuple():
                copier.order(message)
            case str():
                task = asyncio.create_task(kept(number, message))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    link = Link(heard, over.set)
    ours.setblocking(False)
    await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=ours)
    await over.wait()
