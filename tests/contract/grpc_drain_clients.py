"""gRPC clients that never retry, behind a Service whose pod is replaced: what they saw."""

import asyncio
import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from tritonclient.grpc import service_pb2_grpc

from tests.contract import onnx_models
from tests.contract.grpc_requests import busy
from tests.contract.relay import relaying
from tests.contract.server_process import ServerProcess, serving

# A connection for each channel. There is no retry policy, so a client sends again only what it never sent: a call that
# it began while it heard that the connection ends (`grpc.enable_retries: 0` would let it fail that by itself).
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]
GOES_ON = "go on with a new stream"
PATIENCE = 30.0
KINDS = ("steady", "concurrent", "reconnecting", "stream", "deep stream")


@dataclass
class Figures:
    """What the clients saw: requests answered, by kind; streams that the server ended; what was lost.

    `ended` are the streams that ended with OK, where nothing was under way, `cut` those that were told that there may
    have been more.
    """

    answered: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


class Client(threading.Thread):
    """A client of one kind on a thread of its own, until `stop`."""

    def __init__(self, port: int, figures: Figures, kind: str, rounds: int) -> None:
        super().__init__(daemon=True)
        self.address, self.figures, self.kind, self.rounds = f"127.0.0.1:{port}", figures, kind, rounds
        self.stop = threading.Event()

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                with grpc.insecure_channel(self.address, options=OPTIONS) as channel:
                    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
                    if "stream" in self.kind:
                        self._stream(stub, 1 if self.kind == "stream" else 8)
                    elif self.kind == "reconnecting":
                        self._calls(stub, 1)
                    else:
                        while not self.stop.is_set():
                            self._calls(stub, 8 if self.kind == "concurrent" else 1)
        except Exception as error:
            self.figures.lost.append(f"{self.kind}: {error!r}")

    def _calls(self, stub: Any, at_once: int) -> None:
        for call in [stub.ModelInfer.future(busy(self.rounds), timeout=PATIENCE) for _ in range(at_once)]:
            self._answered(call.result())

    def _answered(self, response: Any) -> None:
        assert response.raw_output_contents[0] == self.rounds.to_bytes(8, "little")
        self.figures.answered[self.kind] += 1

    def _stream(self, stub: Any, depth: int) -> None:
        """Keep `depth` requests under way; each is answered in its order until the server says to go on elsewhere."""
        room = threading.Semaphore(depth)
        answered = 0

        def requests() -> Iterator[Any]:
            for index in itertools.count():
                room.acquire()
                if self.stop.is_set():
                    return
                yield busy(self.rounds, id=str(index))

        try:
            for message in stub.ModelStreamInfer(requests(), timeout=PATIENCE):
                assert (message.error_message, message.infer_response.id) == ("", str(answered))
                answered += 1
                self._answered(message.infer_response)
                room.release()
            if not self.stop.is_set():
                self.figures.ended[self.kind] += 1
                room.release()  # lets the client's own thread end
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or GOES_ON not in error.details():
                raise
            self.figures.cut[self.kind] += 1
            room.release()


@contextlib.contextmanager
def draining(tmp_path: Path, seconds: int) -> Iterator[ServerProcess]:
    """Serve `busy`, ready, with `drainSeconds`."""
    (tmp_path / "server.yaml").write_text(f"drainSeconds: {seconds}\n")
    arguments = (onnx_models.busy(tmp_path / "busy.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        yield server.wait_until_ready()


async def roll(old: ServerProcess, new: ServerProcess, each: int) -> tuple[Figures, Counter[int], int, float]:
    """Replace `old` by `new` behind a Service that `each` clients of every kind use.

    Return what they saw, the connections that were made to each, `old`'s exit status, and its seconds from SIGTERM on.
    """
    figures = Figures()
    async with relaying(old.grpc_port) as service:
        clients = [Client(service.port, figures, kind, 1 + index) for kind in KINDS for index in range(each)]
        for client in clients:
            client.start()
        await asyncio.sleep(1)
        terminated = time.monotonic()
        old.terminate()
        await asyncio.sleep(1)
        service.target = new.grpc_port  # the Service has noticed
        status = await asyncio.to_thread(old.wait, 60)
        seconds = time.monotonic() - terminated
        await asyncio.sleep(0.5)
        for client in clients:
            client.stop.set()
        for client in clients:
            await asyncio.to_thread(client.join, 2 * PATIENCE)
        if any(client.is_alive() for client in clients):
            figures.lost.append("a client waits on and on")
        return figures, service.made, status, seconds
