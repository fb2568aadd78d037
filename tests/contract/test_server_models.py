"""What particular models make the server do: warm-up, external weights, their own errors, metrics, a full queue."""

import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from onnx import TensorProto

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving


def infer(server: ServerProcess, name: str, **inputs: tuple[str, list[int], list[Any]]) -> httpx.Response:
    entries = [{"name": n, "datatype": d, "shape": s, "data": v} for n, (d, s, v) in inputs.items()]
    return httpx.post(f"{server.url}/v2/models/{name}/infer", json={"inputs": entries}, timeout=60)


def test_live_at_once_and_ready_only_when_warmed_up(tmp_path: Path) -> None:
    with serving(onnx_models.slow_to_load(tmp_path / "slow.onnx"), tmp_path=tmp_path) as server:
        assert httpx.get(f"{server.url}/v2/health/live").json() == {"live": True}
        ready = httpx.get(f"{server.url}/v2/health/ready")
        assert ready.status_code == 503
        assert "loading" in ready.json()["error"]
        early = infer(server, "slow", x=("FP32", [1], [1.0]))
        assert early.status_code == 503
        assert early.headers["retry-after"] == "1"
        assert httpx.get(f"{server.url}/v2/models/slow").status_code == 503
        server.wait_for_log("ready", timeout=120)
        assert httpx.get(f"{server.url}/v2/health/ready").json() == {"ready": True}
        assert infer(server, "slow", x=("FP32", [1], [1.0])).status_code == 200


def test_sigterm_while_loading_ends_at_once(tmp_path: Path) -> None:
    with serving(onnx_models.slow_to_load(tmp_path / "slow.onnx"), tmp_path=tmp_path) as server:
        server.terminate()
        assert server.wait(timeout=10) == 0
        assert all(entry["message"] != "ready" for entry in server.entries())


def test_weights_beside_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    folder.mkdir()
    onnx_models.linear(folder / "m.onnx", external="weights.bin")
    with serving(folder, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        answer = infer(server, "digits", x=("FP32", [1, 64], [1.0] * 64)).json()
    np.testing.assert_allclose(answer["outputs"][0]["data"], onnx_models.WEIGHTS.sum(axis=0), rtol=1e-4)


def test_a_classifier_from_scikit_learn(tmp_path: Path) -> None:
    with serving(onnx_models.classifier(tmp_path / "c.onnx", zipmap=False), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        answer = infer(server, "c", X=("FP32", [2, 4], [0.1] * 8)).json()
    assert [(output["name"], output["shape"]) for output in answer["outputs"]] == [
        ("label", [2]),
        ("probabilities", [2, 2]),
    ]


def test_a_guessed_shape_that_the_model_refuses_does_not_block(tmp_path: Path) -> None:
    with serving(onnx_models.reshape(tmp_path / "r.onnx", declared=False), tmp_path=tmp_path) as server:
        ready = server.wait_for_log("ready")
        assert ready["warmUp"].startswith("Guessed the model refused a guessed shape")
        assert infer(server, "r", x=("FP32", [1, 49], [0.0] * 49)).status_code == 200


def test_scalars(tmp_path: Path) -> None:
    with serving(onnx_models.identity(tmp_path / "s.onnx", TensorProto.INT64, []), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        (output,) = infer(server, "s", x=("INT64", [], [7])).json()["outputs"]
        assert (output["shape"], output["data"]) == ([], [7])


def test_an_input_that_the_model_refuses_is_400_and_a_failure_inside_is_500(tmp_path: Path) -> None:
    with serving(onnx_models.lookup(tmp_path / "lookup.onnx"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        refused = infer(server, "lookup", x=("INT64", [1], [9]))
        assert refused.status_code == 400
        assert "out of data bounds" in refused.json()["error"]
        assert infer(server, "lookup", x=("INT64", [1], [3])).json()["outputs"][0]["data"] == [3.0]
    with serving(onnx_models.addition(tmp_path / "add.onnx"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        failed = infer(server, "add", a=("FP32", [2], [1, 2]), b=("FP32", [3], [1, 2, 3]))
        assert failed.status_code == 500
        assert "Add" in failed.json()["error"]
        requests = server.metrics()
        assert requests['onnx_server_requests_total{model="add",version="1",protocol="http",code="500"}'] == 1


def test_metrics_count_requests_rows_and_failures(tmp_path: Path) -> None:
    with serving(onnx_models.linear(tmp_path / "mlp.onnx"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        for rows in (1, 3):
            assert infer(server, "mlp", x=("FP32", [rows, 64], [0.0] * 64 * rows)).status_code == 200
        assert infer(server, "mlp", x=("FP32", [1, 63], [0.0] * 63)).status_code == 400
        metrics = server.metrics()
        text = httpx.get(server.metrics_url).text
        assert httpx.get(server.metrics_url.removesuffix("/metrics")).status_code == 404
    labels = '{model="mlp",version="1"}'
    answered, refused = (f'{{model="mlp",version="1",protocol="http",code="{code}"}}' for code in (200, 400))
    assert metrics["onnx_server_requests_total" + answered] == 2
    assert metrics["onnx_server_requests_total" + refused] == 1
    assert metrics["onnx_server_request_duration_seconds_count" + answered] == 2
    assert metrics["onnx_server_request_duration_seconds_count" + refused] == 1
    assert metrics["onnx_server_request_duration_seconds_sum" + answered] > 0
    assert metrics['onnx_server_queue_duration_seconds_count{model="mlp",version="1",protocol="http"}'] == 2
    assert metrics["onnx_server_compute_duration_seconds_count" + labels] == 2
    assert metrics["onnx_server_compute_duration_seconds_sum" + labels] > 0
    assert metrics["onnx_server_batch_size_sum" + labels] == 4
    assert metrics['onnx_server_batch_size_bucket{model="mlp",version="1",le="1.0"}'] == 1
    assert metrics["onnx_server_ready"] == metrics["onnx_server_model_ready" + labels] == 1
    assert metrics["onnx_server_in_flight_requests" + labels] == 0
    assert metrics["onnx_server_queue_depth" + labels] == 0
    assert metrics["onnx_server_model_load_seconds" + labels] > 0
    assert "# TYPE onnx_server_requests_total counter" in text
    assert "nv_" not in text


def test_metrics_by_tritons_names(tmp_path: Path) -> None:
    config = tmp_path / "server.yaml"
    config.write_text("metrics: {tritonNames: true}\n")
    with serving(onnx_models.linear(tmp_path / "mlp.onnx"), "--config", config, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        for rows in (1, 3):
            assert infer(server, "mlp", x=("FP32", [rows, 64], [0.0] * 64 * rows)).status_code == 200
        assert infer(server, "mlp", x=("FP32", [1, 63], [0.0] * 63)).status_code == 400
        metrics = server.metrics()
        text = httpx.get(server.metrics_url).text
    labels = '{model="mlp",version="1"}'
    assert metrics["nv_inference_request_success" + labels] == 2
    assert metrics["nv_inference_count" + labels] == 4
    assert metrics["nv_inference_exec_count" + labels] == 2
    assert metrics['nv_inference_request_failure{model="mlp",version="1",reason="OTHER"}'] == 1
    assert metrics["nv_inference_request_duration_us" + labels] > 0
    assert metrics["onnx_server_batch_size_sum" + labels] == 4
    assert "# TYPE nv_inference_request_success counter" in text


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(tmp_path: Path) -> None:
    model = onnx_models.busy(tmp_path / "busy.onnx")
    answers: list[httpx.Response] = []
    config = tmp_path / "server.yaml"
    config.write_text("queue: {size: 1}\nbatching: {mode: 'Off'}\n")
    with serving(model, "--config", config, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        threads = [
            threading.Thread(target=lambda: answers.append(infer(server, "busy", rounds=("INT64", [1], [3000]))))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        metrics = server.metrics()
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) >= 2
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == len(answers) - statuses.count(200) > 0
    assert all(answer.headers["retry-after"] == "1" and "queue" in answer.json()["error"] for answer in refused)
    rejected = metrics['onnx_server_requests_total{model="busy",version="1",protocol="http",code="503"}']
    assert rejected == len(refused)
