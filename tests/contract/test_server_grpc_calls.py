"""gRPC calls beside their messages: deadlines, cancellation, limits, health, metrics, logs; batches with HTTP."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2

from tests.contract import onnx_models
from tests.contract.busy_rounds import ENDLESS, rounds_that_take
from tests.contract.grpc_requests import busy, linear, stub
from tests.contract.otlp_receiver import attributes, receiving
from tests.contract.server_process import ServerProcess, serve_fails, serving

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
TRACE_ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = ("traceparent", f"00-{TRACE_ID}-{PARENT}-01")


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of `busy`, which runs one request at a time."""
    with serving(onnx_models.busy(tmp_path / "busy.onnx"), tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def in_flight(server: ServerProcess) -> float:
    return server.metrics()['onnx_server_in_flight_requests{model="busy",version="1"}']


def by_code(server: ServerProcess, model: str = "busy") -> dict[tuple[str, str], float]:
    """Return how many requests are over, by protocol and code, where there are any."""
    found = {}
    for name, value in server.metrics().items():
        if name.startswith("onnx_server_requests_total{") and f'model="{model}"' in name and value:
            labels = dict(pair.split("=") for pair in name.split("{")[1].rstrip("}").split(","))
            found[labels["protocol"].strip('"'), labels["code"].strip('"')] = value
    return found


def test_what_waits_past_its_deadline_is_not_run(slow: ServerProcess) -> None:
    """The client's deadline and the parameter `timeout` both end the wait; the first is said by the transport."""
    with grpc.insecure_channel(slow.grpc_address) as channel:
        running = stub(channel).ModelInfer.future(busy(rounds_that_take(2)))
        wait_until(lambda: in_flight(slow) == 1)
        with pytest.raises(grpc.RpcError) as late:
            stub(channel).ModelInfer(busy(1), timeout=0.3)
        assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        with pytest.raises(grpc.RpcError) as expired:
            stub(channel).ModelInfer(busy(1, parameters={"timeout": service_pb2.InferParameter(int64_param=50_000)}))
        assert expired.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert "in the queue: it was not run" in expired.value.details()
        assert in_flight(slow) == 1
        assert running.result(timeout=60).model_name == "busy"
        statistics = stub(channel).ModelStatistics(service_pb2.ModelStatisticsRequest(name="busy")).model_stats[0]
    assert statistics.execution_count == 1
    assert by_code(slow) == {("grpc", "OK"): 1, ("grpc", "DEADLINE_EXCEEDED"): 2}


def test_a_cancelled_request_leaves_the_queue(slow: ServerProcess) -> None:
    with grpc.insecure_channel(slow.grpc_address) as channel:
        running = stub(channel).ModelInfer.future(busy(rounds_that_take(2)))
        wait_until(lambda: in_flight(slow) == 1)
        waiting = [stub(channel).ModelInfer.future(busy(ENDLESS)) for _ in range(3)]
        stream = stub(channel).ModelStreamInfer(iter([busy(ENDLESS), busy(ENDLESS)]))
        wait_until(lambda: in_flight(slow) == 6)
        for call in (*waiting, stream):
            call.cancel()
        wait_until(lambda: in_flight(slow) == 1)
        running.result(timeout=60)
    assert by_code(slow) == {("grpc", "OK"): 1, ("grpc", "CANCELLED"): 5}


def test_a_client_that_dies_leaves_the_queue(slow: ServerProcess) -> None:
    asking = (
        "import grpc, sys; from tests.contract.grpc_requests import busy, stub; "
        "stub(grpc.insecure_channel(sys.argv[1])).ModelInfer(busy(int(sys.argv[2])))"
    )
    with grpc.insecure_channel(slow.grpc_address) as channel:
        running = stub(channel).ModelInfer.future(busy(ENDLESS))
        wait_until(lambda: in_flight(slow) == 1)
        client = subprocess.Popen([sys.executable, "-c", asking, slow.grpc_address, str(ENDLESS)])
        try:
            wait_until(lambda: in_flight(slow) == 2)
        finally:
            client.kill()
            client.wait()
        wait_until(lambda: in_flight(slow) == 1)
        running.cancel()
    wait_until(lambda: in_flight(slow) == 0)
    assert by_code(slow) == {("grpc", "CANCELLED"): 2}


def test_a_full_queue(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("queue: {size: 1}\n")
    arguments = (onnx_models.busy(tmp_path / "busy.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        with grpc.insecure_channel(server.grpc_address) as channel:
            calls = [stub(channel).ModelInfer.future(busy(500)) for _ in range(6)]
            codes = [call.code() for call in calls]
    assert codes.count(grpc.StatusCode.OK) >= 1
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_limits_of_messages_and_calls(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("grpc: {maxMessageBytes: 100000, maxConcurrentStreams: 2}\n")
    arguments = (onnx_models.linear(tmp_path / "mlp.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        with grpc.insecure_channel(server.grpc_address) as channel:
            for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
                with pytest.raises(grpc.RpcError) as refused:
                    stub(channel).ModelInfer(linear(rows=1000), compression=compression)
                assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
                assert "maxMessageBytes" in refused.value.details()
            # Over the limit of calls the client waits; all are answered.
            calls = [stub(channel).ModelInfer.future(linear(rows=100)) for _ in range(50)]
            assert {call.result(timeout=30).outputs[0].shape[0] for call in calls} == {100}


def test_the_limit_is_that_of_bodies_unless_it_is_set(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("maxBodyBytes: 100000\n")
    arguments = (onnx_models.linear(tmp_path / "mlp.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        with grpc.insecure_channel(server.grpc_address) as channel, pytest.raises(grpc.RpcError) as refused:
            stub(channel).ModelInfer(linear(rows=1000))
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_requests_of_both_protocols_share_batches(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("batching: {maxDelayMicroseconds: 300000, preferredSizes: [16]}\n")
    arguments = (onnx_models.linear(tmp_path / "mlp.onnx"), "--config", tmp_path / "server.yaml")
    entry = {"name": "x", "datatype": "FP32", "shape": [1, 64], "data": [1.0] * 64}
    expected = np.ones((1, 64), np.float32) @ onnx_models.WEIGHTS
    made = linear()
    made.raw_input_contents[0] = np.ones(64, np.float32).tobytes()
    with serving(*arguments, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        with grpc.insecure_channel(server.grpc_address) as channel, ThreadPoolExecutor(8) as pool:
            url = f"{server.url}/v2/models/mlp/infer"
            over_http = [pool.submit(httpx.post, url, json={"inputs": [entry]}) for _ in range(8)]
            over_grpc = [stub(channel).ModelInfer.future(made) for _ in range(8)]
            answers = [call.result(timeout=30) for call in over_grpc]
            documents = [future.result(timeout=30).json() for future in over_http]
            statistics = stub(channel).ModelStatistics(service_pb2.ModelStatisticsRequest(name="mlp")).model_stats[0]
        codes = by_code(server, "mlp")
    for answer in answers:
        np.testing.assert_allclose(np.frombuffer(answer.raw_output_contents[0], np.float32), expected[0], rtol=1e-4)
    for document in documents:
        np.testing.assert_allclose(document["outputs"][0]["data"], expected[0], rtol=1e-4)
    assert statistics.inference_count == 16
    assert statistics.execution_count < 8
    assert codes == {("grpc", "OK"): 8, ("http", "200"): 8}


def test_health_of_the_server_and_of_models(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("drainSeconds: 1\n")
    arguments = (onnx_models.slow_to_load(tmp_path / "slow.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        with grpc.insecure_channel(server.grpc_address) as channel:
            health = health_pb2_grpc.HealthStub(channel)

            def status(service: str) -> int:
                return int(health.Check(health_pb2.HealthCheckRequest(service=service)).status)

            watched = health.Watch(health_pb2.HealthCheckRequest())
            unknown = health.Watch(health_pb2.HealthCheckRequest(service="nope"))
            assert next(watched).status == NOT_SERVING
            assert next(unknown).status == SERVICE_UNKNOWN
            assert (status(""), status("slow")) == (NOT_SERVING, NOT_SERVING)
            assert stub(channel).ServerLive(service_pb2.ServerLiveRequest()).live
            assert not stub(channel).ServerReady(service_pb2.ServerReadyRequest()).ready
            with pytest.raises(grpc.RpcError) as early:
                stub(channel).ModelMetadata(service_pb2.ModelMetadataRequest(name="slow"))
            assert early.value.code() == grpc.StatusCode.UNAVAILABLE
            assert next(watched).status == SERVING
            assert (status(""), status("slow"), status("inference.GRPCInferenceService")) == (SERVING,) * 3
            with pytest.raises(grpc.RpcError) as refused:
                status("nope")
            assert refused.value.code() == grpc.StatusCode.NOT_FOUND
            server.terminate()
            assert next(watched).status == NOT_SERVING
            assert status("") == NOT_SERVING
            assert list(watched) == []  # the server ends it
        assert server.wait() == 0


def test_the_access_log_and_traces_tell_of_calls(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("logging: {requests: All}\ntracing: {enabled: true}\ndrainSeconds: 0\n")
    arguments = (onnx_models.linear(tmp_path / "mlp.onnx"), "--config", tmp_path / "server.yaml")
    with receiving() as received:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url}
        with serving(*arguments, tmp_path=tmp_path, env=env) as server:
            server.wait_until_ready()
            with grpc.insecure_channel(server.grpc_address) as channel:
                stub(channel).ModelInfer(linear(rows=2, id="a1"), metadata=[TRACEPARENT])
                with pytest.raises(grpc.RpcError):
                    stub(channel).ModelInfer(linear(columns=63), metadata=[TRACEPARENT])
                list(stub(channel).ModelStreamInfer(iter([linear(id="s1")])))
            server.terminate()
            assert server.wait() == 0
            answered, refused, streamed = (entry for entry in server.entries() if entry["message"] == "request")
    told = {
        "model": "mlp",
        "version": "1",
        "protocol": "grpc",
        "code": "OK",
        "rows": 2,
        "id": "a1",
        "traceId": TRACE_ID,
    }
    assert told.items() <= answered.items()
    assert answered["seconds"] >= answered["queueSeconds"] + answered["computeSeconds"] > 0
    assert (refused["code"], streamed["code"], streamed["id"]) == ("INVALID_ARGUMENT", "OK", "s1")
    assert "'x'" in refused["error"]
    spans = [span for span in received.spans if span.name == "inference.GRPCInferenceService/ModelInfer"]
    assert [attributes(span)["rpc.response.status_code"] for span in spans[:2]] == ["OK", "INVALID_ARGUMENT"]
    assert spans[0].parent_span_id.hex() == PARENT


def test_the_port_is_bound_before_loading_and_may_be_off(slow: ServerProcess, tmp_path: Path) -> None:
    ended = serve_fails(tmp_path / "busy.onnx", f"--grpc-port={slow.grpc_port}", tmp_path=tmp_path)
    assert (ended.status, ended.message["reason"]) == (1, "InvalidConfig")
    assert "--grpc-port" in ended.message["message"]
    (tmp_path / "server.yaml").write_text("grpc: {mode: Off}\n")
    with serving(tmp_path / "busy.onnx", "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as server:
        server.wait_until_ready()
        assert "grpc" not in server.wait_for_log("listening")
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "google/_upb" not in maps
    assert "google/_upb" in Path(f"/proc/{slow.process.pid}/maps").read_text()


def test_old_connections_are_replaced_without_a_loss(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("grpc: {maxConnectionAgeSeconds: 2}\n")
    arguments = (onnx_models.linear(tmp_path / "mlp.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        states: list[grpc.ChannelConnectivity] = []
        gone = threading.Event()
        # Not with "grpc.enable_retries" 0: a call that the client begins while it hears that the connection ends never
        # leaves it, and would be failed by itself. That what was sent is answered, test_http2 shows.
        with grpc.insecure_channel(server.grpc_address) as channel:

            def heard(state: grpc.ChannelConnectivity) -> None:
                states.append(state)
                if states.count(grpc.ChannelConnectivity.READY) > 1:
                    gone.set()

            channel.subscribe(heard)
            end = time.monotonic() + 30
            while not gone.is_set() and time.monotonic() < end:
                stub(channel).ModelInfer(linear())
            assert gone.is_set()
