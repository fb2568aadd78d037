"""Models with subgraphs, without a batch, with defaults, maps, odd strings and numbers: docs/protocol.md's rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from sklearn.linear_model import LogisticRegression

from tests.contract import onnx_models, unusual_models
from tests.contract.server_process import ServerProcess, serve_fails, serving


class Asked:
    """A running server and its one model."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self.server = server
        self.url = f"{server.url}/v2/models/{name}"

    def answer(self, **inputs: tuple[str, list[int], Any]) -> httpx.Response:
        entries = [{"name": name, "datatype": d, "shape": s, "data": v} for name, (d, s, v) in inputs.items()]
        return httpx.post(f"{self.url}/infer", json={"inputs": entries}, timeout=30)

    def outputs(self, **inputs: tuple[str, list[int], Any]) -> dict[str, tuple[list[int], list[Any]]]:
        answer = self.answer(**inputs)
        assert answer.status_code == 200, answer.text
        return {output["name"]: (output["shape"], output["data"]) for output in answer.json()["outputs"]}


@contextmanager
def served(model: Path, tmp_path: Path) -> Iterator[Asked]:
    with serving(model, tmp_path=tmp_path) as running:
        yield Asked(running.wait_until_ready(), model.stem)


def test_branches_and_scalars(tmp_path: Path) -> None:
    with served(unusual_models.branches(tmp_path / "if.onnx"), tmp_path) as model:
        assert model.outputs(double=("BOOL", [], [True]), x=("FP32", [2], [1, 2])) == {"y": ([2], [2.0, 4.0])}
        assert model.outputs(double=("BOOL", [], [False]), x=("FP32", [2], [1, 2])) == {"y": ([2], [-1.0, -2.0])}
        assert model.outputs(double=("BOOL", [], [True]), x=("FP32", [0], [])) == {"y": ([0], [])}


def test_a_scan(tmp_path: Path) -> None:
    with served(unusual_models.running_sum(tmp_path / "scan.onnx"), tmp_path) as model:
        found = model.outputs(x=("FP32", [2, 3], [[1, 2, 3], [10, 20, 30]]))
    assert found == {"y": ([2, 3], [1.0, 2.0, 3.0, 11.0, 22.0, 33.0]), "end": ([3], [11.0, 22.0, 33.0])}


def test_a_loop_of_a_scalar(tmp_path: Path) -> None:
    with served(unusual_models.factorial(tmp_path / "loop.onnx"), tmp_path) as model:
        assert model.outputs(n=("INT64", [], [5])) == {"y": ([], [120])}
        assert httpx.get(model.url).json()["inputs"] == [{"name": "n", "datatype": "INT64", "shape": []}]


def test_a_first_dimension_that_is_no_batch(tmp_path: Path) -> None:
    with served(unusual_models.two_rows(tmp_path / "fixed.onnx"), tmp_path) as model:
        assert model.outputs(x=("FP32", [2, 3], [1, 2, 3, 4, 5, 6]))["y"][0] == [2, 3]
        refused = model.answer(x=("FP32", [1, 3], [1, 2, 3]))
        assert refused.status_code == 400
        assert "the model takes shape [2, 3], got [1, 3]" in refused.json()["error"]
        asked = {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}
        outputs = [{"name": "y", "parameters": {"classification": 2}}]
        found = httpx.post(f"{model.url}/infer", json={"inputs": [asked], "outputs": outputs}).json()["outputs"]
    # Without a batch all of the tensor is one row.
    assert found == [{"name": "y", "datatype": "BYTES", "shape": [2], "data": ["-1.0:0", "-2.0:1"]}]


def test_a_shape_that_is_not_declared_takes_any(tmp_path: Path) -> None:
    with served(unusual_models.any_rank(tmp_path / "rank.onnx"), tmp_path) as model:
        for shape in ([], [1], [2, 1, 2], [0, 3]):
            size = int(np.prod(shape))
            assert model.outputs(x=("FP32", shape, [1.0] * size)) == {"y": (shape, [-1.0] * size)}
        raw = httpx.post(f"{model.url}/infer", content=b"", headers={"Inference-Header-Content-Length": "0"})
        assert raw.status_code == 400
        assert "at most one dynamic dimension, 'x' has []" in raw.json()["error"]


def test_an_input_with_a_default_is_no_input(tmp_path: Path) -> None:
    with served(unusual_models.with_a_default(tmp_path / "default.onnx"), tmp_path) as model:
        assert model.outputs(x=("FP32", [1], [1])) == {"y": ([1], [11.0])}
        assert [entry["name"] for entry in httpx.get(model.url).json()["inputs"]] == ["x"]
        refused = model.answer(x=("FP32", [1], [1]), w=("FP32", [1], [5]))
        assert refused.status_code == 400
        assert "input 'w' is unknown: the model has ['x']" in refused.json()["error"]


def test_a_string_that_is_not_utf8_fails_alone(tmp_path: Path) -> None:
    with served(unusual_models.not_utf8(tmp_path / "odd.onnx"), tmp_path) as model:
        failed = model.answer(x=("INT64", [1], [1]))
        assert failed.status_code == 500
        assert "a string of its outputs is not UTF-8" in failed.json()["error"]
        assert model.outputs(x=("INT64", [1], [0])) == {"y": ([1], ["ok"])}


def test_numbers_that_json_lacks_are_null_and_binary_has_them(tmp_path: Path) -> None:
    with served(unusual_models.not_finite(tmp_path / "log.onnx"), tmp_path) as model:
        assert model.outputs(x=("FP32", [3], [1, 0, -1])) == {"y": ([3], [0.0, None, None])}
        with triton.InferenceServerClient(f"127.0.0.1:{model.server.http_port}") as client:
            x = triton.InferInput("x", [3], "FP32")
            x.set_data_from_numpy(np.array([1, 0, -1], np.float32))
            binary = client.infer("log", [x]).as_numpy("y")
            json_form = client.infer("log", [x], outputs=[triton.InferRequestedOutput("y", binary_data=False)])
        np.testing.assert_array_equal(binary, np.array([0, -np.inf, np.nan], np.float32))
        # tritonclient makes NaN of null, of an infinity as well.
        np.testing.assert_array_equal(json_form.as_numpy("y"), np.array([0, np.nan, np.nan], np.float32))
        body = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[NaN]}]}'
        assert "not JSON" in httpx.post(f"{model.url}/infer", content=body).json()["error"]


@pytest.mark.parametrize("labels", [[2, 10, 1], ["ж", "b", "aa"]], ids=["integers", "strings"])
def test_a_classifier_as_scikit_learn_exports_it_by_default(labels: list[Any], tmp_path: Path) -> None:
    features = np.random.default_rng(0).random((30, 4), dtype=np.float32)
    fitted = LogisticRegression().fit(features, labels * 10)
    with served(onnx_models.exported(tmp_path / "c.onnx", fitted, features), tmp_path) as model:
        metadata = httpx.get(model.url).json()["outputs"]
        x = {"name": "X", "datatype": "FP32", "shape": [2, 4], "data": features[:2].tolist()}
        answer = httpx.post(f"{model.url}/infer", json={"inputs": [x]}).json()["outputs"]
        best = {"name": "output_probability", "parameters": {"classification": 1}}
        top = httpx.post(f"{model.url}/infer", json={"inputs": [x], "outputs": [best]}).json()["outputs"][0]
        empty = model.outputs(X=("FP32", [0, 4], []))
    assert metadata[1] == {"name": "output_probability", "datatype": "FP32", "shape": [-1, -1]}
    assert answer[0]["data"] == fitted.predict(features[:2]).tolist()
    assert answer[1]["shape"] == [2, 3]
    expected = fitted.predict_proba(features[:2])
    np.testing.assert_allclose(np.reshape(answer[1]["data"], (2, 3)), expected, rtol=1e-4)
    assert [int(text.rpartition(":")[2]) for text in top["data"]] == expected.argmax(axis=1).tolist()
    assert empty["output_probability"] == ([0, 0], [])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ("sequence_of_tensors", ["output 'y' has the type seq(tensor(float))", "export the model with plain tensors"]),
        ("optional", ["output 'y' has the type optional(tensor(float))", "OptionalGetElement"]),
        ("four_bits", ["output 'y' has the type tensor(int4)", "cast it in the model"]),
    ],
)
def test_what_the_protocol_cannot_carry_ends_the_server_with_the_remedy(
    make: str, words: list[str], tmp_path: Path
) -> None:
    ended = serve_fails(getattr(unusual_models, make)(tmp_path / "m.onnx"), tmp_path=tmp_path)
    assert (ended.status, ended.message["reason"]) == (1, "UnsupportedModel")
    for part in words:
        assert part in ended.message["message"]
