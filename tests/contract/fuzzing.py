"""Malformed requests to a server for a bounded time, each answered as the client's mistake."""

import contextlib
import http.client
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.contract import onnx_models
from tests.contract.malformed_requests import Good, Made, make
from tests.contract.server_process import ServerProcess, serving

PATH = "/v2/models/any/infer"
# What a request may be answered with: whatever it is, it is the client's.
ALLOWED = {200, 400, 413, 415}
# What a request gets whose own timeout became a microsecond.
TOO_LATE = 504, b"the request's timeout passed"
SLOW_SECONDS = 5
PACKED = {
    "S": ("BYTES", b"\x01\0\0\0a\x03\0\0\0bcd\0\0\0\0"),
    "H": ("FP16", np.arange(3, dtype="<f2").tobytes()),
    "B": ("BOOL", b"\x01\0\x01"),
    "F": ("FP32", np.arange(3, dtype="<f4").tobytes()),
    "D": ("FP64", np.arange(3, dtype="<f8").tobytes()),
    "I8": ("INT8", b"\xff\0\x01"),
    "I64": ("INT64", np.arange(3, dtype="<i8").tobytes()),
    "U64": ("UINT64", np.arange(3, dtype="<u8").tobytes()),
}
LISTED = {"S": ["a", "é", ""], "B": [True, False, True], "I8": [-128, 0, 127], "I64": [-(2**63), 0, 2**63 - 1]}
LISTED |= {"F": [0.5, 1, -2.25], "D": [1e300, 0, 1], "U64": [0, 1, 2**64 - 1]}


def good_requests() -> list[Good]:
    """JSON alone but for what has none, binary alone, and both mixed; with every parameter that is heeded."""
    requests = []
    for listed in (set(LISTED), set[str](), {"S", "F", "I64"}):
        inputs, outputs, tail = [], [], b""
        for key, (datatype, packed) in PACKED.items():
            form = {"data": LISTED[key]} if key in listed else {"parameters": {"binary_data_size": len(packed)}}
            tail += b"" if key in listed else packed
            inputs.append({"name": f"IN_{key}", "datatype": datatype, "shape": [3], **form})
            binary = {"binary_data": key not in listed}
            outputs.append({"name": f"OUT_{key}", "parameters": binary | ({"classification": 1} if key == "F" else {})})
        parameters = {"binary_data_output": False, "priority": 1, "timeout": 10_000_000, "mine": "x"}
        requests.append(Good({"id": "7", "inputs": inputs, "outputs": outputs, "parameters": parameters}, tail))
    return requests


@dataclass
class Figures:
    """What a server answered: malformed requests by status, the slowest answer in seconds, its memory in KiB.

    `resident` is its memory after a third of the time, `growth` how much more it had at the end.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    resident: int = 0
    growth: int = 0

    def __str__(self) -> str:
        counted = dict(sorted(self.statuses.items()))
        return (
            f"{self.statuses.total()} requests: {counted}; slowest {self.slowest:.3f} s; resident memory "
            f"{self.resident} KiB after a third of the time, {self.growth:+} KiB by the end"
        )


@contextlib.contextmanager
def fuzzed_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Serve a model that has every kind of tensor, with limits that requests meet."""
    types = {key: onnx_models.IDENTITY_TYPES[key] for key in PACKED}
    model = onnx_models.identities(tmp_path / "any.onnx", shape=("N",), **types)
    (tmp_path / "server.yaml").write_text("maxBodyBytes: 1000000\nmaxBatchSize: 64\n")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


def fuzz(server: ServerProcess, seconds: float, seed: int) -> Figures:
    """Ask for so long; between, good requests get the answers that they got at first.

    Raises AssertionError with the request at the first answer that is no refusal of it, that is slow, or that is wrong.
    """
    client = Client(server.http_port)
    try:
        return _fuzz(server, client, seconds, random.Random(seed))
    finally:
        client.close()


def _fuzz(server: ServerProcess, client: "Client", seconds: float, rng: random.Random) -> Figures:
    figures, goods = Figures(), good_requests()
    expected = [client.post(good.made()) for good in goods]
    assert [status for status, _ in expected] == [200] * len(goods)
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds:
        made = make(rng, rng.choice(goods))
        if rng.random() < 0.01:
            client.leave_early(made)
        sent = time.monotonic()
        status, content = client.post(made)
        figures.slowest = max(figures.slowest, time.monotonic() - sent)
        is_too_late = status == TOO_LATE[0] and TOO_LATE[1] in content
        assert status in ALLOWED or is_too_late, f"{status} {content[:300]!r} to {made}"
        assert figures.slowest < SLOW_SECONDS, f"{figures.slowest} s for {made}"
        if status != 200:
            assert isinstance(json.loads(content)["error"], str), made
            assert len(content) < 4096, f"{content[:200]!r} to {made.how}"
        figures.statuses[status] += 1
        if figures.statuses.total() % 100 == 0:
            which = rng.randrange(len(goods))
            assert client.post(goods[which].made()) == expected[which], made
        if not figures.resident and elapsed > seconds / 3:
            figures.resident = resident_kib(server)
    figures.growth = resident_kib(server) - figures.resident
    assert [client.post(good.made()) for good in goods] == expected
    assert not any(entry["level"] == "error" for entry in server.entries())
    return figures


class Client:
    """One connection after the other, each as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = self._connected()

    def _connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def post(self, made: Made) -> tuple[int, bytes]:
        self._connection.putrequest("POST", PATH, skip_accept_encoding=True)
        for key, value in made.headers.items():
            self._connection.putheader(key, value)
        self._connection.putheader("Content-Length", str(len(made.body)))
        self._connection.endheaders(made.body)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.will_close:
            self._connection.close()
        return answer.status, content

    def leave_early(self, made: Made) -> None:
        """Announce more than is sent, and hang up."""
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(made.body) + 10}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as left:
            left.sendall(head.encode() + made.body)


def resident_kib(server: ServerProcess) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])
