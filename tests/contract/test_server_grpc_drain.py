"""SIGTERM under load of gRPC clients that never retry: each call is answered, and streams say what was not taken."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.contract.busy_rounds import rounds_that_take
from tests.contract.grpc_drain_clients import KINDS, OPTIONS, draining, roll
from tests.contract.grpc_requests import busy

DRAIN_SECONDS = 2


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
        rounds = rounds_that_take(1)
        call = stub.ModelInfer.future(busy(rounds))
        answers = stub.ModelStreamInfer(iter([busy(2), busy(3)]))
        while server.metrics()['onnx_server_in_flight_requests{model="busy",version="1"}'] < 3:
            time.sleep(0.01)
        server.terminate(signum)
        assert call.result(timeout=60).raw_output_contents[0] == rounds.to_bytes(8, "little")
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
