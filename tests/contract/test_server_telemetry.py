"""Spans as a collector receives them, lines of the access log, and the log's level."""

import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import onnx_models
from tests.contract.otlp_receiver import attributes, receiving
from tests.contract.server_process import ServerProcess, serve_fails, serving

TRACE_ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT}-01"


def ask(server: ServerProcess, *, columns: int = 64, **headers: str) -> httpx.Response:
    entry = {"name": "x", "datatype": "FP32", "shape": [2, columns], "data": [0.0] * 2 * columns}
    return httpx.post(f"{server.url}/v2/models/mlp/infer", json={"id": "a1", "inputs": [entry]}, headers=headers)


def configured(tmp_path: Path, text: str) -> tuple[Path, str, Path]:
    """Return the arguments that serve a model with the settings `text`."""
    config = tmp_path / "server.yaml"
    config.write_text(text)
    return onnx_models.linear(tmp_path / "mlp.onnx"), "--config", config


def test_a_request_is_a_span_in_the_callers_trace(tmp_path: Path) -> None:
    arguments = configured(tmp_path, "tracing: {enabled: true}\n")
    with receiving() as received:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=p1"}
        with serving(*arguments, tmp_path=tmp_path, env=env) as server:
            server.wait_until_ready()
            before = time.time_ns()
            assert ask(server, traceparent=TRACEPARENT, tracestate="vendor=1").status_code == 200
            assert ask(server, columns=63, traceparent=TRACEPARENT).status_code == 400
            after = time.time_ns()
            server.terminate()
            assert server.wait() == 0  # what is left is exported at the end
    answered, refused = (span for span in received.spans if span.name == "POST /v2/models/{model}/infer")
    parts = {span.name: span for span in received.spans if span.parent_span_id == answered.span_id}
    assert len(received.spans) == 4
    assert {span.trace_id.hex() for span in received.spans} == {TRACE_ID}
    assert answered.parent_span_id.hex() == refused.parent_span_id.hex() == PARENT
    assert answered.trace_state == "vendor=1"
    assert answered.kind == 2  # a server's
    assert attributes(answered) == {
        "onnx_server.model.name": "mlp",
        "onnx_server.model.version": "1",
        "onnx_server.request.id": "a1",
        "onnx_server.request.rows": 2,
        "http.request.method": "POST",
        "http.route": "/v2/models/{model}/infer",
        "http.response.status_code": 200,
    }
    assert set(parts) == {"queue", "compute"}
    queue, compute = parts["queue"], parts["compute"]
    times = [answered.start_time_unix_nano, queue.start_time_unix_nano, queue.end_time_unix_nano]
    times += [compute.start_time_unix_nano, compute.end_time_unix_nano, answered.end_time_unix_nano]
    assert [before, *times, after] == sorted([before, *times, after])
    assert refused.status.code == 2
    assert "'x'" in refused.status.message
    assert attributes(refused)["http.response.status_code"] == 400
    assert all(resource["service.name"] == "onnx-server" for resource in received.resources)
    assert all(resource["k8s.pod.name"] == "p1" for resource in received.resources)


def test_the_callers_and_the_samplers_choice_are_kept(tmp_path: Path) -> None:
    arguments = configured(tmp_path, "tracing: {enabled: true}\n")
    with receiving() as received:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "OTEL_TRACES_SAMPLER": "parentbased_always_off",
            "OTEL_SERVICE_NAME": "digits",
        }
        with serving(*arguments, tmp_path=tmp_path, env=env) as server:
            server.wait_until_ready()
            assert ask(server).status_code == 200
            assert ask(server, traceparent=TRACEPARENT.removesuffix("01") + "00").status_code == 200
            assert ask(server, traceparent=TRACEPARENT).status_code == 200
            server.terminate()
            assert server.wait() == 0
    assert sorted(span.name for span in received.spans) == ["POST /v2/models/{model}/infer", "compute", "queue"]
    assert {span.trace_id.hex() for span in received.spans} == {TRACE_ID}
    assert received.resources[0]["service.name"] == "digits"


def test_a_collector_that_is_away_costs_no_request_and_little_of_the_end(tmp_path: Path) -> None:
    arguments = configured(tmp_path, "tracing: {enabled: true}\ndrainSeconds: 0\n")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    with serving(*arguments, tmp_path=tmp_path, env=env) as server:
        server.wait_until_ready()
        assert [ask(server).status_code for _ in range(20)] == [200] * 20
        server.terminate()
        assert server.wait(timeout=25) == 0
        assert not any(entry["message"].startswith("bug") for entry in server.entries())


def test_tracing_without_its_extra_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What an installation without the extra does: the import fails.
    sdk = tmp_path / "absent" / "opentelemetry" / "sdk"
    sdk.mkdir(parents=True)
    (sdk / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'opentelemetry.sdk'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "absent"), prepend=":")
    ended = serve_fails(*configured(tmp_path, "tracing: {enabled: true}\n"), tmp_path=tmp_path)
    assert (ended.status, ended.message["reason"]) == (1, "InvalidConfig")
    assert "tracing.enabled" in ended.message["message"]
    assert "extra otel" in ended.message["message"]


def lines(server: ServerProcess) -> list[dict[str, Any]]:
    return [entry for entry in server.entries() if entry["message"] == "request"]


def test_the_access_log_tells_of_each_request(tmp_path: Path) -> None:
    arguments = configured(tmp_path, "logging: {requests: All, level: info}\n")
    with serving(*arguments, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        assert ask(server, traceparent=TRACEPARENT).status_code == 200
        assert ask(server, columns=63, traceparent="not one").status_code == 400
        answered, refused = lines(server)
    told = {"model": "mlp", "version": "1", "protocol": "http", "code": "200", "rows": 2, "id": "a1"}
    assert told.items() <= answered.items()
    assert answered["traceId"] == TRACE_ID
    assert answered["seconds"] >= answered["queueSeconds"] + answered["computeSeconds"] > 0
    assert refused["code"] == "400"
    assert "'x'" in refused["error"]
    assert "traceId" not in refused


def test_of_successes_a_share_may_be_logged_and_failures_always_are(tmp_path: Path) -> None:
    with serving(*configured(tmp_path, "logging: {requests: All, sampleRatio: 0.25}\n"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        for _ in range(8):
            assert ask(server).status_code == 200
        assert ask(server, columns=63).status_code == 400
        assert [entry["code"] for entry in lines(server)] == ["200", "200", "400"]


@pytest.mark.parametrize(("setting", "codes"), [("{requests: Failed}", ["400"]), ("{}", [])])
def test_only_what_is_asked_for_is_logged(setting: str, codes: list[str], tmp_path: Path) -> None:
    with serving(*configured(tmp_path, f"logging: {setting}\n"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        assert ask(server).status_code == 200
        assert ask(server, columns=63).status_code == 400
        assert [entry["code"] for entry in lines(server)] == codes


def test_the_level_of_the_log(tmp_path: Path) -> None:
    ended = serve_fails(
        *configured(tmp_path, "logging: {level: info}\nexecutionProviders: [TensorRT]\n"), tmp_path=tmp_path
    )
    assert '"message":"listening"' in ended.stderr
    ended = serve_fails(
        *configured(tmp_path, "logging: {level: error}\nexecutionProviders: [TensorRT]\n"), tmp_path=tmp_path
    )
    assert '"level":"error"' in ended.stderr
    assert '"level":"info"' not in ended.stderr
