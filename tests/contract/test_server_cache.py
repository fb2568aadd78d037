"""The response cache as clients and operators see it: equal answers, and the model did not run."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving


def statistics(server: ServerProcess) -> dict[str, Any]:
    (found,) = httpx.get(f"{server.url}/v2/models/m/stats").json()["model_stats"]
    return dict(found)


def executions(server: ServerProcess) -> int:
    return int(statistics(server)["execution_count"])


def ask(server: ServerProcess, value: float = 1.0, rows: int = 2, **entry: Any) -> bytes:
    x = {"name": "x", "datatype": "FP32", "shape": [rows, 64], "data": [value] * 64 * rows}
    answer = httpx.post(f"{server.url}/v2/models/m/infer", json={"inputs": [x], **entry})
    assert answer.status_code == 200, answer.text
    return answer.content


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "server.yaml"
    path.write_text(text)
    return path


def test_an_equal_request_gets_equal_bytes_and_the_model_does_not_run(tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    with serving(model, "--config", config(tmp_path, "cache: {maxBytes: 1000000}"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        first = ask(server)
        assert [ask(server) for _ in range(3)] == [first] * 3
        counted = statistics(server)
        assert (counted["execution_count"], counted["inference_count"]) == (1, 8)
        counts = {name: duration["count"] for name, duration in counted["inference_stats"].items()}
        assert (counts["success"], counts["cache_hit"], counts["cache_miss"]) == (4, 3, 1)
        assert counts["compute_infer"] == 1
        # What is kept are the outputs: id and form are each request's own.
        assert b'"id":"7"' in ask(server, id="7")
        binary = ask(server, outputs=[{"name": "y", "parameters": {"binary_data": True}}])
        values = np.frombuffer(binary[-2 * 10 * 4 :], np.float32).reshape(2, 10)
        np.testing.assert_allclose(values, np.ones((2, 64)) @ onnx_models.WEIGHTS, rtol=1e-4)
        assert executions(server) == 1
        assert ask(server, 2.0) != first
        assert ask(server, rows=1) != first
        assert executions(server) == 3


def test_the_longest_unused_answer_goes_first(tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    # An answer of one row is 40 bytes of data and some 400 of what is around it: about ten of them fit.
    with serving(model, "--config", config(tmp_path, "cache: {maxBytes: 4400}"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        for value in range(30):
            ask(server, float(value), rows=1)
        assert executions(server) == 30
        ask(server, 29.0, rows=1)
        assert executions(server) == 30
        ask(server, 0.0, rows=1)
        assert executions(server) == 31


def test_failures_are_not_kept(tmp_path: Path) -> None:
    def add(server: ServerProcess, length: int) -> httpx.Response:
        entries = [
            {"name": "a", "datatype": "FP32", "shape": [2], "data": [1, 2]},
            {"name": "b", "datatype": "FP32", "shape": [length], "data": [1.0] * length},
        ]
        return httpx.post(f"{server.url}/v2/models/m/infer", json={"inputs": entries})

    model = onnx_models.addition(tmp_path / "m.onnx")
    with serving(model, "--config", config(tmp_path, "cache: {maxBytes: 1000000}"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        assert [add(server, 3).status_code for _ in range(2)] == [500, 500]
        assert statistics(server)["inference_stats"]["fail"]["count"] == 2
        assert add(server, 2).json() == add(server, 2).json()
        assert executions(server) == 1


@pytest.mark.parametrize("text", ["", "cache: {maxBytes: 0}"])
def test_without_the_setting_every_request_runs(tmp_path: Path, text: str) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    with serving(model, "--config", config(tmp_path, text), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        assert ask(server) == ask(server)
        assert executions(server) == 2
