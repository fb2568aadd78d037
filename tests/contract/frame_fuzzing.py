"""Frames as no client sends them, for a bounded time."""

import contextlib
import random
import socket
import time
from dataclasses import dataclass
from typing import Any

import hpack
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame

from tests.contract.echo_process import EchoProcess, echo
from tests.contract.http2_client import CONNECTIONS, PREFACE, Client, close_all, message, request

PATHS = ("/test.Echo/Echo", "/test.Echo/Stream", "/test.Echo/Count", "/test.Echo/Never", "/no/Method")


def conversation(random: random.Random) -> bytes:
    """Return what a client might send, with some of its bytes wrong."""
    encoder = hpack.Encoder()
    out = bytearray(PREFACE + SettingsFrame(0, settings={4: random.choice([0, 10, 65535])}).serialize())
    for stream in range(1, 2 * random.randrange(2, 9), 2):
        more = [(f"x{random.randrange(3)}", "y" * random.randrange(20)) for _ in range(random.randrange(3))]
        if random.random() < 0.2:
            more.append(("grpc-encoding", "gzip"))
        block = encoder.encode(request(random.choice(PATHS), *more), huffman=random.random() < 0.5)
        out += HeadersFrame(
            stream, block, flags=random.choice([["END_HEADERS"]] * 4 + [[], ["END_HEADERS", "END_STREAM"]])
        ).serialize()
        body = message(random.randbytes(random.randrange(40)), flag=random.choice([0, 0, 0, 0, 1]))
        out += DataFrame(stream, body, flags=random.choice([[], ["END_STREAM"], ["END_STREAM"]])).serialize()
        if random.random() < 0.4:
            payload = random.randbytes(random.choice([0, 1, 4, 5, 6, 8, 12]))
            kind, flags, on = random.randrange(12), random.randrange(64), random.choice([0, stream, stream + 2, 2])
            out += len(payload).to_bytes(3, "big") + bytes([kind, flags]) + on.to_bytes(4, "big") + payload
    for _ in range(random.choice([0, 0, 1, 3])):
        out[random.randrange(len(out))] = random.randrange(256)
    return bytes(out)


@dataclass
class Figures:
    """What became of it: connections that were made, bytes by which the peak of memory grew, what escaped.

    `calls`, `buffered` and `tasks` are what is under way at the end, when only the one who asks is connected.
    """

    connections: int
    growth: int
    escaped: list[Any]
    calls: int
    buffered: int
    tasks: int


def fuzz(seconds: float, seed: int) -> Figures:
    """Send for so long; between, a good call is echoed. Raises AssertionError where that, or the end, is not right."""
    chance = random.Random(seed)
    with echo(receive_seconds=2, send_seconds=2, preface_seconds=2) as server:
        first = server.facts()["peak_memory"]
        end, rounds = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            _converse(server, chance)
            rounds += 1
            if rounds % 50 == 0:
                assert Client(server.port).echoes()
                close_all()
        assert not CONNECTIONS
        server.wait_for("connections", 1, timeout=15)
        facts = server.facts()
        server.terminate()
        assert server.end() == "buffered 0\n"
    left = {name: facts[name] for name in ("calls", "buffered", "tasks")}
    return Figures(rounds, facts["peak_memory"] - first, facts["escaped"], **left)


def _converse(server: EchoProcess, chance: random.Random) -> None:
    data = conversation(chance)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client, contextlib.suppress(OSError):
        position = 0
        while position < len(data):
            step = chance.choice([1, 9, 40, 300, 3000])
            client.sendall(data[position : position + step])
            position += step
        if chance.random() < 0.5:
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
