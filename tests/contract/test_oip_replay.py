"""The requests that a Triton was asked, and that we answer as it did, or better for a reason that the table gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from onnx import TensorProto

from tests.contract import onnx_models
from tests.contract.oip_replay import OF_A_REPOSITORY, OF_IDENT, RECORDED, REPLAYS, Replay
from tests.contract.server_process import ServerProcess, serving

IDENT = {"S": TensorProto.STRING, "H": TensorProto.FLOAT16, "B": TensorProto.BOOL}
BY_NAME = {answer["name"]: answer for answer in RECORDED}


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from _serve(onnx_models.linear(tmp_path_factory.mktemp("mlp") / "mlp_onnx.onnx"))


@pytest.fixture(scope="module")
def ident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from _serve(onnx_models.identities(tmp_path_factory.mktemp("ident") / "ident.onnx", **IDENT))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    root = tmp_path_factory.mktemp("repository")
    for name in ("mlp_onnx", "ident"):
        (root / "models" / name / "1").mkdir(parents=True)
    onnx_models.linear(root / "models" / "mlp_onnx" / "1" / "model.onnx")
    onnx_models.identities(root / "models" / "ident" / "1" / "model.onnx", **IDENT)
    for running in _serve(root / "models", settings="modelControl: Explicit\n"):
        # Triton had answered inferences before it was asked for its statistics.
        check("infer json", running)
        asked = [{"name": f"IN_{key}", "shape": [0], "datatype": d} for key, d in (("S", "BYTES"), ("B", "BOOL"))]
        half = {"name": "IN_H", "shape": [0], "datatype": "FP16", "parameters": {"binary_data_size": 0}}
        document = {"inputs": [half, *({**entry, "data": []} for entry in asked)], "outputs": [{"name": "OUT_S"}]}
        assert httpx.post(f"{running.url}/v2/models/ident/infer", json=document).status_code == 200
        yield running


def _serve(model: Path, *, settings: str = "") -> Iterator[ServerProcess]:
    config = model.parent / "server.yaml"
    config.write_text(f"maxBatchSize: 64\n{settings}")
    with serving(model, "--config", config, tmp_path=model.parent) as running:
        yield running.wait_until_ready()


def test_every_recorded_request_is_replayed() -> None:
    assert set(REPLAYS) == set(BY_NAME)
    for name, replay in REPLAYS.items():
        assert replay.status != BY_NAME[name]["status"], name
        assert bool(replay.why) == bool(replay.status or replay.adds or replay.lacks or replay.differs), name


@pytest.mark.parametrize("name", [name for name in REPLAYS if name not in {*OF_IDENT, *OF_A_REPOSITORY}])
def test_one_model(name: str, mlp: ServerProcess) -> None:
    check(name, mlp)


@pytest.mark.parametrize("name", OF_IDENT)
def test_datatypes(name: str, ident: ServerProcess) -> None:
    check(name, ident)


@pytest.mark.parametrize("name", OF_A_REPOSITORY)
def test_a_repository(name: str, repository: ServerProcess) -> None:
    check(name, repository)


def check(name: str, server: ServerProcess) -> None:
    replay, recorded = REPLAYS[name], BY_NAME[name]
    # httpx would ask for compression by itself.
    headers = {"Accept-Encoding": "identity", **replay.headers}
    url = server.url + recorded["path"]
    answer = httpx.request(recorded["method"], url, content=replay.body, headers=headers, timeout=30)
    assert answer.status_code == (replay.status or recorded["status"]), answer.text
    if "gzip" in replay.headers.get("Accept-Encoding", ""):
        assert answer.headers["content-encoding"] == "gzip"
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/json"
        if recorded["method"] != "HEAD":
            assert list(answer.json()) == ["error"]
            assert answer.json()["error"]
    elif "answer" in recorded or replay.adds:
        compare(replay, recorded.get("answer", {}), document(answer))


def document(answer: httpx.Response) -> Any:
    length = answer.headers.get("inference-header-content-length")
    return httpx.Response(200, content=answer.content[: int(length)]).json() if length else answer.json()


def compare(replay: Replay, theirs: Any, ours: Any) -> None:
    """The same fields with values of the same types; and of an inference the same names, datatypes and shapes."""
    left, right = fields(theirs), fields(ours)
    assert set(left) - set(right) == set(replay.lacks)
    assert set(right) - set(left) == set(replay.adds)
    assert {path for path in set(left) & set(right) if left[path] != right[path]} == set(replay.differs)


def fields(value: Any, path: str = "") -> dict[str, Any]:
    """Return the type of each field by its path; what a client reads to make sense of the rest, as it is."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, content in value.items():
            found |= fields(content, f"{path}.{key}" if path else key)
        return found
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return fields(value[0], f"{path}[]" if path else "[]") | {f"{path} has": len(value)}
    if path.rpartition(".")[2] in {"datatype", "shape", "model_version", "id", "state", "data_type", "dims"}:
        return {path: value}
    return {path: type(value).__name__}
