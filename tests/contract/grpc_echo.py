"""A gRPC server of its own on the transport alone: what tests of the transport talk to.

`python -m tests.contract.grpc_echo KEY=VALUE ...` sets limits, prints its port, and drains at SIGTERM. The loop's
exception handler counts what escapes: `/test.Echo/Escaped` answers with the number.
"""

import asyncio
import contextlib
import json
import logging
import re
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from onnx_server.http2.server import Call, GrpcLimits, Method, Server, StatusCode, StatusError

GRACE_SECONDS = 20


def peak_memory() -> int:
    """Return the most memory that the process had, in bytes; getrusage would count its parent's, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


class Echo:
    """The service. Counters are for the tests."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.escaped: list[str] = []
        self.server: Server | None = None

    def echo(self, call: Call, message: bytes) -> None:
        call.finish(message)

    def pieces(self, call: Call, message: bytes) -> None:
        third = len(message) // 3
        call.finish([message[:third], memoryview(message)[third:]])

    def later(self, call: Call, message: bytes) -> None:
        """Answer after as many milliseconds as the message says."""
        asyncio.get_running_loop().call_later(int(message) / 1000, call.finish, message)

    def never(self, call: Call, _: bytes) -> None:
        call.on_cancel = self.count_cancelled

    def count_cancelled(self) -> None:
        self.cancelled += 1

    def fail(self, call: Call, message: bytes) -> None:
        code, text = json.loads(message)
        call.fail(StatusCode(code), text)

    def broken(self, call: Call, _: bytes) -> None:
        raise LookupError("what only the log should say")

    def facts(self, call: Call, _: bytes) -> None:
        """Answer with what the server saw."""
        assert self.server is not None
        metadata = [[name, value if isinstance(value, str) else list(value)] for name, value in call.metadata]
        facts = {
            "metadata": metadata,
            "peer": call.peer,
            "deadline": call.deadline is not None and call.deadline - time.monotonic(),
            "cancelled": self.cancelled,
            "escaped": self.escaped,
            "connections": len(self.server.connections),
            "calls": sum(len(connection.calls) for connection in self.server.connections),
            "buffered": self.server.buffered,
            "tasks": len(asyncio.all_tasks()),
            "peak_memory": peak_memory(),
        }
        call.finish(json.dumps(facts).encode())

    async def stream(self, call: Call) -> None:
        call.on_cancel = self.count_cancelled
        async for message in call:
            if message == b"fail":
                raise StatusError(StatusCode.DATA_LOSS, "as asked")
            await call.send(message)

    async def count(self, call: Call) -> None:
        """Read all, and answer with the bytes."""
        total = 0
        async for message in call:
            total += len(message)
        await call.send(str(total).encode())

    async def fill(self, call: Call) -> None:
        """Send as many messages of 100,000 bytes as asked."""
        async for message in call:
            for _ in range(int(message)):
                await call.send(b"x" * 100_000)

    async def deaf(self, call: Call) -> None:
        """Never read."""
        await asyncio.sleep(3600)

    def methods(self) -> dict[str, Method]:
        unary = (self.echo, self.pieces, self.later, self.never, self.fail, self.broken, self.facts)
        streaming = (self.stream, self.count, self.fill, self.deaf)
        methods = {f"/test.Echo/{handler.__name__.title()}": Method(handler) for handler in unary}
        return methods | {
            f"/test.Echo/{handler.__name__.title()}": Method(handler, streaming=True) for handler in streaming
        }


async def main(limits: dict[str, Any], certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    echo = Echo()
    loop.set_exception_handler(lambda _, what: echo.escaped.append(f"{what['message']}: {what.get('exception')!r}"))
    echo.server = server = Server(echo.methods(), GrpcLimits(**limits), context)
    listener = await loop.create_server(server.protocol_factory, "127.0.0.1", 0, ssl=server.ssl, backlog=1024)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    listener.close()
    await server.drain(GRACE_SECONDS)
    print("buffered", server.buffered, flush=True)


if __name__ == "__main__":
    logging.basicConfig(filename="/dev/null")
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    pem = options.pop("certificate", None)
    if pem is not None:
        assert Path(pem).exists()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main({name: json.loads(value) for name, value in options.items()}, pem))
