"""The unmodified clients of kserve, in an environment of their own, against a real server."""

import json
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from tests.cluster.commands import run
from tests.contract import onnx_models
from tests.contract.client_env import client_venv
from tests.contract.server_process import serving

CLIENTS = Path(__file__).parent / "clients"


@pytest.fixture(scope="module")
def python() -> Path:
    return client_venv(CLIENTS / "kserve.txt") / "bin" / "python"


def ask(python: Path, *arguments: str) -> dict[str, Any]:
    # It has packages of its own; ours must not come before them.
    environment = {"PYTHONPATH": ""}
    answer = run([python, CLIENTS / "kserve_client.py", *arguments], environment=environment, timeout=120)
    found: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return found


@pytest.mark.timeout(600)
def test_rest(python: Path, tmp_path: Path) -> None:
    model = onnx_models.identities(tmp_path / "both.onnx", F=TensorProto.FLOAT, S=TensorProto.STRING)
    with serving(model, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        found = ask(python, "--over-rest", server.url, "--model", "both")["rest"]
    assert (found["live"], found["ready"], found["model ready"]) == (True, True, True)
    for form in ("json", "binary"):
        answer = found[form]
        assert (answer["id"], answer["model"]) == ("7", "both")
        assert answer["outputs"] == [["OUT_S", "BYTES", [3]], ["OUT_F", "FP32", [3]]]
        assert answer["texts"] == ["a", "é", ""]
        assert answer["numbers"][:2] == [0.5, -1.0]
    for form in ("empty", "empty binary"):
        assert found[form]["outputs"] == [["OUT_S", "BYTES", [0]], ["OUT_F", "FP32", [0]]]
    assert found["unknown"].startswith("HTTPStatusError: unknown model 'nope'")


@pytest.mark.timeout(600)
def test_grpc(python: Path, tmp_path: Path) -> None:
    model = onnx_models.identities(tmp_path / "both.onnx", F=TensorProto.FLOAT, S=TensorProto.STRING)
    with serving(model, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        found = ask(python, "--over-grpc", server.grpc_address, "--model", "both")["grpc"]
    assert (found["live"], found["ready"], found["model ready"]) == (True, True, True)
    for form in ("typed", "raw"):
        answer = found[form]
        assert (answer["id"], answer["model"]) == ("7", "both")
        assert answer["outputs"] == [["OUT_S", "BYTES", [3]], ["OUT_F", "FP32", [3]]]
        assert answer["texts"] == ["a", "é", ""]
        assert answer["numbers"][:2] == [0.5, -1.0]
    assert "unknown model 'nope'" in found["unknown"]
