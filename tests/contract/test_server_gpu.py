"""The server on an NVIDIA GPU: what is asked for runs, with its options, and answers what the CPU answers."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.contract import onnx_models
from tests.contract.server_process import serve_fails, serving
from tests.contract.test_server_control import KEY, POD_UID, jwks, token

ROWS = np.random.default_rng(1).normal(size=(4, onnx_models.FEATURES)).astype(np.float32)


def asked_of(providers: str, tmp_path: Path, options: str = "{}", timeout: float = 120) -> tuple[dict[str, Any], Any]:
    """Serve a model on execution providers; return what the facts say of them, and the answer to ROWS."""
    (tmp_path / "live").mkdir(parents=True, exist_ok=True)
    (tmp_path / "live" / "operator-keys.json").write_text(jwks(a=KEY))
    config = f"model: {{name: linear}}\nexecutionProviders: [{providers}]\nproviderOptions: {options}\n"
    (tmp_path / "server.yaml").write_text(config)
    model = onnx_models.linear(tmp_path / "m.onnx")
    arguments = ("--config", tmp_path / "server.yaml", "--live", tmp_path / "live")
    with serving(model, *arguments, tmp_path=tmp_path, env={"POD_UID": POD_UID}) as server:
        server.wait_for_log("ready", timeout=timeout)  # the first start loads CUDA's libraries
        facts = httpx.get(server.facts_url, headers={"Authorization": f"Bearer {token()}"}).json()
        x = {"name": "x", "shape": list(ROWS.shape), "datatype": "FP32", "data": ROWS.ravel().tolist()}
        answer = httpx.post(f"{server.url}/v2/models/linear/infer", json={"inputs": [x]}).json()
    return facts["executionProviders"], np.array(answer["outputs"][0]["data"], np.float32)


@pytest.mark.gpu
def test_a_model_on_cuda_answers_what_it_answers_on_the_cpu(tmp_path: Path) -> None:
    cuda, on_cuda = asked_of("CUDA", tmp_path / "cuda")
    cpu, on_cpu = asked_of("CPU", tmp_path / "cpu")
    assert cuda["asked"] == ["CUDA"]
    assert "CUDA" in cuda["active"]
    assert cuda["nodes"] == {"CUDA": 1}
    assert cpu["active"] == ["CPU"]
    # The GPU may multiply in TF32, which keeps ten bits of a factor's fraction.
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=1e-2, atol=5e-2)


@pytest.mark.gpu
def test_options_of_cuda_are_taken_and_told(tmp_path: Path) -> None:
    options = (
        "{CUDA: {deviceId: 0, gpuMemLimitBytes: 1073741824, arenaExtendStrategy: SameAsRequested, "
        "cudnnConvAlgoSearch: Heuristic, cudnnConvUseMaxWorkspace: true, useTf32: false, preferNhwc: false, "
        "cudaGraph: false}}"
    )
    cuda, on_cuda = asked_of("CUDA", tmp_path / "cuda", options)
    _, on_cpu = asked_of("CPU", tmp_path / "cpu")
    assert cuda["assignments"] == {"CUDA": {"MatMul": 1}}
    assert cuda["options"]["CUDA"]["gpu_mem_limit"] == "1073741824"
    assert cuda["options"]["CUDA"]["use_tf32"] == "0"
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
def test_a_gpu_that_is_not_there_ends_the_server(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("executionProviders: [CUDA]\nproviderOptions: {CUDA: {deviceId: 63}}\n")
    model = onnx_models.linear(tmp_path / "m.onnx")
    ended = serve_fails(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path)
    assert ended.status == 1
    assert ended.message["reason"] in {"ExecutionProviderUnavailable", "ModelLoadFailed"}


@pytest.mark.gpu
def test_tensorrt_keeps_its_engine_where_this_model_and_these_options_are_named(tmp_path: Path) -> None:
    engines = tmp_path / "engines"

    def options(**more: str) -> str:
        shapes = "{x: {min: [1, 64], opt: [4, 64], max: [8, 64]}}"
        rest = "".join(f", {name}: {value}" for name, value in more.items())
        cache = f"engineCache: {{path: {engines}}}, timingCache: true"
        return f"{{TensorRT: {{profileShapes: {shapes}, {cache}, builderOptimizationLevel: 1{rest}}}}}"

    found, first = asked_of("TensorRT, CUDA", tmp_path / "run", options(), timeout=600)
    _, on_cpu = asked_of("CPU", tmp_path / "cpu")
    assert found["active"][0] == "TensorRT"
    assert found["nodes"] == {"TensorRT": 1}
    assert found["options"]["TensorRT"]["trt_profile_max_shapes"] == "x:8x64"
    np.testing.assert_allclose(first, on_cpu, rtol=1e-2, atol=5e-2)
    (directory,) = engines.iterdir()
    kept = {path.name: path.stat().st_mtime_ns for path in directory.glob("*.engine")}
    assert len(kept) == 1

    _, again = asked_of("TensorRT, CUDA", tmp_path / "run", options(), timeout=120)
    assert {path.name: path.stat().st_mtime_ns for path in directory.glob("*.engine")} == kept
    np.testing.assert_array_equal(again, first)

    asked_of("TensorRT, CUDA", tmp_path / "run", options(fp16="true"), timeout=600)
    assert len(list(engines.iterdir())) == 2
