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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving
from tests.contract.test_server_grpc_calls import busy

DRAIN_SECONDS = 2
# A connection for each channel. There is no retry policy, so a client sends again only what it never sent: a call that
# it began while it heard that the connection ends (`grpc.enable_retries: 0` would let it fail that by itself).
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]
GOES_ON = "go on with a new stream"


@dataclass
class Figures:
    """What the clients saw: calls or messages answered, by kind; what was lost; who left because the server asked."""

    answered: Counter[str] = field(default_factory=Counter)
    after: int = 0
    told: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


class Client:
    """A client of one kind, with a connection of its own; it leaves when the server asks it to."""

    def __init__(self, address: str, figures: Figures, kind: str, rounds: int) -> None:
        self.address, self.figures, self.kind, self.rounds = address, figures, kind, rounds
        self.terminated = self.withdrawn = False

    async def run(self) -> None:
        if self.kind in {"stream", "deep stream"}:
            await asyncio.to_thread(self._stream, 1 if self.kind == "stream" else 8)
            return
        while not self.withdrawn:
            async with grpc.aio.insecure_channel(self.address, options=OPTIONS) as channel:
                stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
                await self._call(stub)
                if self.kind == "reconnecting":
                    continue
                # Who has heard GOAWAY has no ready connection any more.
                while channel.get_state() == grpc.ChannelConnectivity.READY:
                    await asyncio.gather(*(self._call(stub) for _ in range(8 if self.kind == "concurrent" else 1)))
                self.figures.told[self.kind] += 1
                return

    async def _call(self, stub: Any) -> None:
        try:
            self._answered(await stub.ModelInfer(busy(self.rounds)))
        except grpc.RpcError as error:
            self.figures.lost.append(f"{self.kind}: {error!r}")

    def _answered(self, response: service_pb2.ModelInferResponse) -> None:
        if response.raw_output_contents[0] != self.rounds.to_bytes(8, "little"):
            self.figures.lost.append(f"{self.kind}: {response}")
        self.figures.answered[self.kind] += 1
        self.figures.after += self.terminated

    def _stream(self, depth: int) -> None:
        """Keep `depth` requests under way; each is answered in its order until the server says to go on elsewhere.

        On a thread: the client for asyncio says INTERNAL of a message that it was sending when the stream ended.
        """
        room = threading.Semaphore(depth)
        answered = 0

        def requests() -> Iterator[service_pb2.ModelInferRequest]:
            for index in itertools.count():
                room.acquire()
                yield busy(self.rounds, id=str(index))

        with grpc.insecure_channel(self.address, options=OPTIONS) as channel:
            try:
                for message in service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer(requests()):
                    if message.error_message or message.infer_response.id != str(answered):
                        self.figures.lost.append(f"{self.kind}: {answered}: {message}")
                    answered += 1
                    self._answered(message.infer_response)
                    room.release()
                self.figures.lost.append(f"{self.kind}: ended as if all was answered")
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or GOES_ON not in error.details():
                    self.figures.lost.append(f"{self.kind}: {error!r}")
                self.figures.told[self.kind] += 1
                room.release()  # lets the client's own thread end


@contextlib.contextmanager
def draining(tmp_path: Path, seconds: int) -> Iterator[ServerProcess]:
    """Serve `busy`, ready, with `drainSeconds`."""
    (tmp_path / "server.yaml").write_text(f"drainSeconds: {seconds}\n")
    arguments = (onnx_models.busy(tmp_path / "busy.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        yield server.wait_until_ready()


async def drive(server: ServerProcess, each: int) -> tuple[Figures, int, float]:
    """Return what the clients saw, the exit status, and the seconds from SIGTERM to the end."""
    figures = Figures()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * each + 1))
    kinds = ("steady", "concurrent", "reconnecting", "stream", "deep stream")
    clients = [Client(server.grpc_address, figures, kind, 1 + i) for kind in kinds for i in range(each)]
    tasks = [asyncio.create_task(client.run()) for client in clients]
    await asyncio.sleep(1)
    server.terminate()
    terminated = time.monotonic()
    for client in clients:
        client.terminated = True
    await asyncio.sleep(1)
    for client in clients:
        client.withdrawn = True  # as after a Service has noticed: nobody connects anew
    status = await asyncio.to_thread(server.wait, 60)
    seconds = time.monotonic() - terminated
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    return figures, status, seconds


def test_clients_that_never_retry_lose_nothing(tmp_path: Path) -> None:
    with draining(tmp_path, DRAIN_SECONDS) as server:
        figures, status, seconds = asyncio.run(drive(server, each=4))
    print(figures, f"{seconds:.1f} s")
    assert figures.lost == []
    assert status == 0
    assert figures.told == {"steady": 4, "concurrent": 4, "stream": 4, "deep stream": 4}
    assert min(figures.answered.values()) > 4
    assert figures.after > 0
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
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
        left.set()
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert GOES_ON in ended.value.details()
        assert server.wait(timeout=60) == 0
        assert time.monotonic() - terminated < 25
        silent.settimeout(5)
        while silent.recv(4096):
            pass
