"""Clients that never retry, on a server that is told to end: how many of their requests get no full answer."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.contract.server_process import ServerProcess

PIPELINED = 4


@dataclass
class Figures:
    """What the clients saw. `seconds` is from SIGTERM to the end of the process, `status` its exit status.

    `requests` counts those that were sent, by kind of client, `after` those of them sent after SIGTERM. `told` counts
    the clients that keep their connection and left because an answer had `Connection: close`. `lost` says of each
    request without a full and right answer what happened.
    """

    requests: Counter[str] = field(default_factory=Counter)
    after: int = 0
    told: int = 0
    lost: list[str] = field(default_factory=list)
    seconds: float = 0.0
    status: int | None = None

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.requests.items()))
        return (
            f"{self.requests.total()} requests ({kinds}), {self.after} of them after SIGTERM; {len(self.lost)} lost; "
            f"{self.seconds:.1f} s from SIGTERM to the end"
        )


def measure(server: ServerProcess, each: int = 8, before: float = 1.0, withdrawn: float = 1.0) -> Figures:
    """Drive a ready server of the model `busy` with `each` clients of every kind, send SIGTERM after `before` seconds.

    `withdrawn` seconds after SIGTERM nobody opens a new connection any more, as after a Service has noticed.
    """
    return asyncio.run(_measure(server, each, before, withdrawn))


async def _measure(server: ServerProcess, each: int, before: float, withdrawn: float) -> Figures:
    figures = Figures()
    clients = [
        Client(server.http_port, figures, kind, rounds=1 + index % 4)
        for kind in ("steady", "pipelining", "slow", "reconnecting")
        for index in range(each)
    ]
    tasks = [asyncio.create_task(client.run()) for client in clients]
    await asyncio.sleep(before)
    server.terminate()
    terminated = time.monotonic()
    for client in clients:
        client.terminated = True
    await asyncio.sleep(withdrawn)
    for client in clients:
        client.withdrawn = True
    figures.status = await asyncio.to_thread(server.wait, 60)
    figures.seconds = time.monotonic() - terminated
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    return figures


@dataclass
class Client:
    """One client of a kind; it leaves when an answer says so, or when it would have to connect anew but may not."""

    port: int
    figures: Figures
    kind: str
    rounds: int
    terminated: bool = False
    withdrawn: bool = False

    async def run(self) -> None:
        converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
        converse = {"pipelining": self._pipeline, "slow": self._slowly}.get(self.kind, self._one)
        while not self.withdrawn:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                while await converse(reader, writer):
                    if self.kind == "reconnecting":
                        break
                else:
                    return
            finally:
                writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        return await self._exchange(reader, lambda: self._write(writer, [self._request()]))

    async def _slowly(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Send the body in parts, which takes about a third of a second."""
        request = self._request()
        parts = [request[:-20], *(request[i : i + 5] if i != -5 else request[-5:] for i in range(-20, 0, 5))]
        return await self._exchange(reader, lambda: self._write(writer, parts, pause=random.uniform(0.05, 0.1)))

    async def _pipeline(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Send some requests at once; all of them shall be answered."""
        return await self._exchange(reader, lambda: self._write(writer, [self._request() * PIPELINED]), PIPELINED)

    async def _exchange(
        self, reader: asyncio.StreamReader, send: Callable[[], Awaitable[None]], count: int = 1
    ) -> bool:
        """Send, and read `count` answers; return whether the connection stays."""
        self.figures.requests[self.kind] += count
        self.figures.after += count if self.terminated else 0
        answered = 0
        stays = True
        try:
            await send()
            for _ in range(count):
                stays = await self._answer(reader)
                answered += 1
        except (OSError, EOFError) as error:
            self.figures.lost += [f"{self.kind}: {error!r}"] * (count - answered)
            return False
        if not stays and self.kind != "reconnecting":
            self.figures.told += 1
        return stays

    def _request(self) -> bytes:
        entry = {"name": "rounds", "datatype": "INT64", "shape": [1], "data": [self.rounds]}
        body = json.dumps({"inputs": [entry]}).encode()
        return b"POST /v2/models/busy/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    @staticmethod
    async def _write(writer: asyncio.StreamWriter, parts: list[bytes], pause: float = 0.0) -> None:
        for index, part in enumerate(parts):
            if index:
                await asyncio.sleep(pause)
            writer.write(part)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader) -> bool:
        """Read one answer; return whether the connection stays. Raises EOFError if it is not whole."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"http/1.1 200 ") or json.loads(body)["outputs"][0]["data"] != [self.rounds]:
            self.figures.lost.append(f"{self.kind}: {head!r} {body!r}")
        return b"\r\nconnection: close\r\n" not in head
