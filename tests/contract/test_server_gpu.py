"""The server on an NVIDIA GPU: what is asked for is what runs, and it answers what the CPU answers."""

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.contract import onnx_models
from tests.contract.server_process import serving
from tests.contract.test_server_control import KEY, POD_UID, jwks, token

ROWS = np.random.default_rng(1).normal(size=(4, onnx_models.FEATURES)).astype(np.float32)


def asked_of(provider: str, tmp_path: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Serve a model on one execution provider; return what the facts say of providers, and the answer to ROWS."""
    tmp_path.mkdir()
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "operator-keys.json").write_text(jwks(a=KEY))
    (tmp_path / "server.yaml").write_text(f"model: {{name: linear}}\nexecutionProviders: [{provider}]\n")
    model = onnx_models.linear(tmp_path / "m.onnx")
    arguments = ("--config", tmp_path / "server.yaml", "--live", tmp_path / "live")
    with serving(model, *arguments, tmp_path=tmp_path, env={"POD_UID": POD_UID}) as server:
        server.wait_for_log("ready", timeout=120)  # the first start loads CUDA's libraries
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
