"""Options of execution providers and of the graph: what they change is seen in the facts, what is wrong is named."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.contract import onnx_models
from tests.contract.server_process import serve_fails, serving
from tests.contract.test_server_control import KEY, POD_UID, jwks, token


def foldable(path: Path) -> Path:
    """y = x + (1 + 1): one node where constants are folded, two where the graph is run as it is written."""
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    return onnx_models.save(
        path,
        [helper.make_node("Mul", ["one", "one"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])],
        [onnx_models.tensor("x", TensorProto.FLOAT, ["N"])],
        [onnx_models.tensor("y", TensorProto.FLOAT, ["N"])],
        initializers=[one],
    )


def facts_of(model: Path, config: str, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "live").mkdir(exist_ok=True)
    (tmp_path / "live" / "operator-keys.json").write_text(jwks(a=KEY))
    (tmp_path / "server.yaml").write_text(config)
    arguments = ("--config", tmp_path / "server.yaml", "--live", tmp_path / "live")
    with serving(model, *arguments, tmp_path=tmp_path, env={"POD_UID": POD_UID}) as server:
        server.wait_until_ready()
        x = {"name": "x", "datatype": "FP32", "shape": [2], "data": [1.0, 2.0]}
        answer = httpx.post(f"{server.url}/v2/models/m/infer", json={"inputs": [x]})
        assert answer.json()["outputs"][0]["data"] == [2.0, 3.0]
        facts = httpx.get(server.facts_url, headers={"Authorization": f"Bearer {token()}"}).json()
        found: dict[str, Any] = facts["executionProviders"]
        return found


def test_how_far_the_graph_is_optimised_is_a_setting(tmp_path: Path) -> None:
    model = foldable(tmp_path / "m.onnx")
    optimised = facts_of(model, "", tmp_path)
    assert (optimised["graphOptimization"], optimised["assignments"]) == ("All", {"CPU": {"Add": 1}})
    written = facts_of(model, "graphOptimization: 'Off'\nproviderOptions: {CPU: {arena: false}}\n", tmp_path)
    assert (written["graphOptimization"], written["assignments"]) == ("Off", {"CPU": {"Mul": 1, "Add": 1}})
    assert written["nodes"] == {"CPU": 2}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("providerOptions: {CUDA: {deviceId: 0}}", "providerOptions.CUDA: executionProviders has CPU only"),
        ("providerOptions: {CPU: {arenas: false}}", "providerOptions.CPU.arenas: no such setting"),
        ("graphOptimization: all", "graphOptimization: Input should be 'All', 'Extended', 'Basic' or 'Off'"),
        ("cache: {maxBytes: 1.5}", "cache.maxBytes: Input should be a valid integer"),
    ],
)
def test_what_is_wrong_ends_the_server_with_the_fields_name(config: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(config)
    model = onnx_models.linear(tmp_path / "m.onnx")
    ended = serve_fails(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path)
    assert (ended.status, ended.message["reason"]) == (1, "InvalidConfig")
    assert words in ended.message["message"]


def test_onnx_runtime_tells_its_maker_nothing(tmp_path: Path) -> None:
    model, temporary = onnx_models.linear(tmp_path / "m.onnx"), tmp_path / "temporary"
    temporary.mkdir()
    with serving(model, tmp_path=tmp_path, env={"TMPDIR": str(temporary)}) as server:
        server.wait_until_ready()
        # Where its telemetry is on, it keeps the identity of its session there.
        assert list(temporary.iterdir()) == []
