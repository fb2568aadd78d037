"""A pod of a candidate that behaves as a test wants it to, in a thread of its own."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Behaviour = Literal["answer", "close", "half", "hang", "reset", "shut", "garbage", "twice", "chunked"]


@dataclass
class Received:
    """A request as it came. Names of headers in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedPod:
    """Answers every request on 127.0.0.1:`port` as `behaviour` says, an answer with `status`, `headers` and `body`.

    `close` says that the connection ends, `shut` ends it without saying so, `reset` instead of an answer.
    """

    behaviour: Behaviour = "answer"
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    body: bytes = b'{"from": "the script"}'
    delay: float = 0.0
    hangs: Callable[[Received], bool] = lambda _: False
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    left: int = 0
    """Clients that were gone before they had an answer."""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
        received = Received(lines[0], headers, await reader.readexactly(int(headers["content-length"])))
        self.received.append(received)
        if self.delay or self.behaviour == "hang" or self.hangs(received):
            with contextlib.suppress(TimeoutError):
                try:
                    await asyncio.wait_for(reader.read(1), self.delay or 60)
                except asyncio.CancelledError:  # the pod ends, and this connection with it
                    writer.transport.abort()
                    return False
                self.left += 1
                return False
        if self.behaviour in {"reset", "hang"} or self.hangs(received):
            writer.transport.abort()
            return False
        if self.behaviour == "garbage":
            writer.write(b"SMTP/1.1 ready\r\n\r\n")
            return False
        writer.write(self._answer())
        if self.behaviour == "half":
            await writer.drain()
            writer.transport.abort()
        return self.behaviour in {"answer", "twice", "chunked"}

    def _answer(self) -> bytes:
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        if self.behaviour == "close":
            headers += "connection: close\r\n"
        line = f"HTTP/1.1 {self.status} Whatever\r\n{headers}"
        if self.behaviour == "chunked":
            chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in self.body)
            return (
                f"HTTP/1.1 100 Continue\r\n\r\n{line}transfer-encoding: chunked\r\n\r\n".encode()
                + chunks
                + b"0\r\n\r\n"
            )
        answer = f"{line}content-length: {len(self.body)}\r\n\r\n".encode() + self.body
        if self.behaviour == "twice":
            return answer + answer
        return answer[: -len(self.body) // 2] if self.behaviour == "half" else answer


@contextlib.contextmanager
def scripted_pod(behaviour: Behaviour = "answer", port: int = 0) -> Iterator[ScriptedPod]:
    """Run a pod until the end, which cuts its connections."""
    pod = ScriptedPod(behaviour)
    loop = asyncio.new_event_loop()

    async def serve() -> asyncio.Server:
        server = await asyncio.start_server(pod.connected, "127.0.0.1", port)
        pod.port = server.sockets[0].getsockname()[1]
        return server

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    try:
        yield pod
    finally:

        async def end() -> None:
            server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.01)  # transports close in the loop's next turns

        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
