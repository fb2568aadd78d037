"""A small model repository, and a question to a model of it whose answer tells which version gave it."""

from pathlib import Path

import httpx

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess


def make(root: Path) -> Path:
    """`one` has versions 1, 2 and 10, `two` has one whose file is called otherwise, and weights beside it."""
    for version in (1, 2, 10):
        onnx_models.shift(root / "one" / str(version) / "model.onnx", version)
    (root / "two" / "3").mkdir(parents=True)
    onnx_models.linear(root / "two" / "3" / "net.onnx", external="weights.bin")
    (root / "one" / "labels").mkdir()
    (root / "one" / "007").mkdir()
    (root / "one" / "config.pbtxt").write_text('name: "one"')
    (root / "documents").mkdir()
    (root / "README.md").write_text("not a model")
    return root


def asked(server: ServerProcess, path: str, x: float = 1.0) -> httpx.Response:
    """Ask `path`, a model's name or NAME/versions/VERSION."""
    entry = {"name": "x", "datatype": "FP32", "shape": [1], "data": [x]}
    return httpx.post(f"{server.url}/v2/models/{path}/infer", json={"inputs": [entry]}, timeout=30)


def answered(server: ServerProcess, path: str) -> float:
    """Return by how much the model that answered shifts."""
    answer = asked(server, path)
    assert answer.status_code == 200, answer.text
    (value,) = answer.json()["outputs"][0]["data"]
    return float(value) - 1.0


def load(server: ServerProcess, name: str) -> httpx.Response:
    return httpx.post(f"{server.url}/v2/repository/models/{name}/load", timeout=60)


def unload(server: ServerProcess, name: str) -> httpx.Response:
    return httpx.post(f"{server.url}/v2/repository/models/{name}/unload", timeout=60)


def states(server: ServerProcess) -> dict[tuple[str, str], str]:
    """Return the state of each version in the index."""
    index = httpx.post(f"{server.url}/v2/repository/index").json()
    return {(entry["name"], entry["version"]): entry["state"] for entry in index if "version" in entry}
