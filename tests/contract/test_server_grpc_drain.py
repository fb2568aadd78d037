"""SIGTERM under load of gRPC clients that never retry: each call is answered, and streams say what was not taken."""

import asyncio
import contextlib
import itertools
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.contract import onnx_models
from tests.contract.relay import relaying
from tests.contract.server_process import ServerProcess, serving
from tests.contract.test_server_grpc_calls import busy

DRAIN_SECONDS = 2
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


def test_clients_that_never_retry_lose_nothing(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with draining(tmp_path, DRAIN_SECONDS) as old, draining(tmp_path / "new", 0) as new:
        figures, made, status, seconds = asyncio.run(roll(old, new, each=3))
        old_port, new_port = old.grpc_port, new.grpc_port
    print(figures, made, f"{seconds:.1f} s")
    assert figures.lost == []
    assert status == 0
    assert set(figures.answered) == set(KINDS)
    # All left because they were asked to, and before the process would have cut them off.
    assert min(figures.ended["stream"], figures.ended["deep stream"] + figures.cut["deep stream"]) >= 3
    assert not figures.cut["stream"]  # between an answer and the next request nothing is under way
    assert made[old_port] >= 15
    assert made[new_port] >= 15
    assert DRAIN_SECONDS <= seconds < DRAIN_SECONDS + 10


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_finishes(signum: int, tmp_path: Path) -> None:
    with draining(tmp_path, 0) as server, grpc.insecure_channel(server.grpc_address, options=OPTIONS) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        call = stub.ModelInfer.future(busy(3_000))
        answers = stub.ModelStreamInfer(iter([busy(2), busy(3)]))
        while server.metrics()['onnx_server_in_flight_requests{model="busy",version="1"}'] < 3:
            time.sleep(0.01)
        server.terminate(signum)
        assert call.result(timeout=60).raw_output_contents[0] == (3_000).to_bytes(8, "little")
        values = [answer.infer_response.raw_output_contents[0][0] for answer in answers]
        assert values == [2, 3]
        assert server.wait(timeout=60) == 0


def test_health_says_at_once_that_the_server_ends_and_it_serves_on(tmp_path: Path) -> None:
    with draining(tmp_path, 3) as server, grpc.insecure_channel(server.grpc_address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        health = health_pb2_grpc.HealthStub(channel)
        assert stub.ServerReady(service_pb2.ServerReadyRequest()).ready
        server.terminate()
        server.wait_for_log("draining")
        for service in ("", "busy"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not stub.ServerReady(service_pb2.ServerReadyRequest()).ready
        assert not stub.ModelReady(service_pb2.ModelReadyRequest(name="busy")).ready
        assert stub.ServerLive(service_pb2.ServerLiveRequest()).live
        with grpc.insecure_channel(server.grpc_address, options=OPTIONS) as newcomer:
            late = service_pb2_grpc.GRPCInferenceServiceStub(newcomer)
            assert late.ModelInfer(busy(1)).model_name == "busy"


def test_streams_that_clients_hold_do_not_hold_the_process(tmp_path: Path) -> None:
    """Nor do connections that never say anything, or that are no gRPC."""
    with (
        draining(tmp_path, 0) as server,
        grpc.insecure_channel(server.grpc_address, options=OPTIONS) as channel,
        socket.create_connection(("127.0.0.1", server.grpc_port)) as silent,
    ):
        left = threading.Event()

        def requests() -> Iterator[service_pb2.ModelInferRequest]:
            yield busy(1, id="0")
            left.wait()  # the next request does not come

        stream = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer(requests())
        assert next(stream).infer_response.id == "0"
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        terminated = time.monotonic()
        server.terminate()
        assert list(stream) == []  # with OK: nothing is under way
        left.set()
        assert server.wait(timeout=60) == 0
        assert time.monotonic() - terminated < 25
        silent.settimeout(5)
        while silent.recv(4096):
            pass
