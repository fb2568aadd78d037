"""Hand-over and maximum age: gRPC connections end politely, and clients that never retry lose nothing."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.contract.relay import relaying
from tests.contract.split_pods import Pod, pod, wait_for
from tests.contract.test_server_grpc_split import PATIENCE, LongClients, asking, version_of


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[tuple[Pod, Pod]]:
    with pod("v1", tmp_path / "old") as old, pod("v2", tmp_path / "new") as new:
        yield old, new


async def hand_over(old: Pod, new: Pod, lag: float) -> LongClients:
    """Promote `new` behind a Service that goes on sending new connections to `old` for `lag` seconds."""
    async with relaying(old.server.grpc_port) as service:
        clients = LongClients(f"127.0.0.1:{service.port}")
        clients.start()
        await asyncio.sleep(1)
        await asyncio.to_thread(old.split, 100, new.as_candidate(), handOver=True)
        await asyncio.sleep(lag)
        service.target = new.server.grpc_port
        await asyncio.to_thread(wait_for, lambda: old.state()["openConnections"] == 0)
        before = clients.answered.total()
        await asyncio.to_thread(wait_for, lambda: clients.answered.total() > before + 100)
        await asyncio.to_thread(clients.end)  # on a thread: the Service is on this one
        return clients


@pytest.mark.parametrize("lag", [0.0, 3.0])
def test_a_hand_over_loses_nothing_and_empties_the_old_pod(lag: float, pods: tuple[Pod, Pod]) -> None:
    old, new = pods
    clients = asyncio.run(hand_over(old, new, lag))
    print(clients.answered, clients.ended)
    assert clients.lost == []
    assert all(clients.answered[kind, version] for kind in ("unary", "stream") for version in ("v1", "v2"))
    assert clients.ended["stream"] >= 2  # in the hand-over, and when the test ended
    # What came after it was answered by the new revision: the old one forwards all of it.
    assert old.state()["arms"]["candidate"]["errors"] == 0
    assert httpx.get(f"{old.server.url}/v2/health/ready").status_code == 200


def test_new_connections_are_answered_before_they_are_sent_away(pods: tuple[Pod, Pod]) -> None:
    old, new = pods
    old.split(100, new.as_candidate(), handOver=True)
    for _ in range(20):
        with grpc.insecure_channel(old.server.grpc_address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            calls = [stub.ModelInfer.future(asking(), timeout=PATIENCE) for _ in range(10)]
            assert {version_of(call.result()) for call in calls} == {"v2"}
            assert version_of(stub.ModelInfer(asking(), timeout=PATIENCE)) == "v2"
            assert stub.ServerReady(service_pb2.ServerReadyRequest(), timeout=PATIENCE).ready
    # One that says nothing is sent away too.
    with grpc.insecure_channel(old.server.grpc_address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        grpc.channel_ready_future(channel).result(PATIENCE)
        started = time.monotonic()
        states: list[grpc.ChannelConnectivity] = []
        channel.subscribe(states.append)
        wait_for(lambda: grpc.ChannelConnectivity.IDLE in states)
        assert time.monotonic() - started < 4


def test_both_versions_may_be_asked_by_name(pods: tuple[Pod, Pod]) -> None:
    old, new = pods
    old.split(100, new.as_candidate(), handOver=True)
    with grpc.insecure_channel(old.server.grpc_address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for version in ("v1", "v2", "v1", "v2"):
            assert version_of(stub.ModelInfer(asking(model_version=version), timeout=PATIENCE)) == version
        absent = (asking(model_version="v3"), []), (asking(model_version="v2"), [("onnx-forwarded", "digits-v0")])
        for request, metadata in absent:
            with pytest.raises(grpc.RpcError) as refused:
                stub.ModelInfer(request, metadata=metadata, timeout=PATIENCE)
            assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_hand_over_that_is_taken_back(pods: tuple[Pod, Pod]) -> None:
    old, new = pods
    old.split(100, new.as_candidate(), handOver=True)
    old.split(0)
    with LongClients(old.server.grpc_address) as clients:
        wait_for(lambda: clients.answered.total() > 500)
    assert clients.lost == []
    assert {version for _, version in clients.answered} == {"v1"}
    assert clients.ended["stream"] == 1


def test_streams_of_connections_that_grow_old_end_between_messages(tmp_path: Path) -> None:
    with pod("v1", tmp_path / "old", "grpc: {maxConnectionAgeSeconds: 1}\n") as aged:
        with LongClients(aged.server.grpc_address) as clients:
            wait_for(lambda: clients.ended["stream"] >= 2, 30)
        assert clients.lost == []
        answered = aged.server.metrics()[
            'onnx_server_requests_total{model="digits",version="v1",protocol="grpc",code="OK"}'
        ]
    # Not one answer was given to nobody.
    assert answered == clients.answered.total()
