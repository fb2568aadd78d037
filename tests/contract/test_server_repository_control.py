"""Load and unload on request: explicitly, by unmodified tritonclient, refused where nobody allowed it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.contract import onnx_models
from tests.contract.repositories import answered, asked, make
from tests.contract.server_process import ServerProcess, serving


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("explicit") / "models")


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[ServerProcess]:
    with serving(root, "--load", "explicit", "--load-model", "two", tmp_path=root.parent) as running:
        yield running.wait_until_ready()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.http_port}") as connected:
        yield connected


def test_only_what_was_asked_for_is_loaded(client: triton.InferenceServerClient) -> None:
    assert client.is_server_ready()
    assert client.get_model_repository_index() == [
        {"name": "one"},
        {"name": "two", "version": "3", "state": "READY"},
    ]
    assert not client.is_model_ready("one")


def test_load_and_unload(server: ServerProcess, client: triton.InferenceServerClient) -> None:
    client.load_model("one")
    assert client.is_model_ready("one")
    assert answered(server, "one") == 10
    client.unload_model("one", unload_dependents=True)
    assert not client.is_model_ready("one")
    refused = asked(server, "one")
    assert refused.status_code == 404
    assert "no available versions" in refused.json()["error"]
    assert client.is_server_ready()
    client.unload_model("one")
    client.load_model("one")
    assert answered(server, "one") == 10


def test_a_new_version_takes_over_when_it_is_loaded(root: Path, server: ServerProcess) -> None:
    load = f"{server.url}/v2/repository/models/fresh/load"
    onnx_models.shift(root / "fresh" / "1" / "model.onnx", 1)
    assert httpx.post(load, timeout=30).status_code == 200
    onnx_models.shift(root / "fresh" / "2" / "model.onnx", 2)
    assert answered(server, "fresh") == 1
    assert httpx.post(load, timeout=30).status_code == 200
    assert answered(server, "fresh") == 2
    index = httpx.post(f"{server.url}/v2/repository/index").json()
    old, new = [entry for entry in index if entry["name"] == "fresh"]
    assert old["state"] in {"UNLOADING", "UNAVAILABLE"}
    assert new == {"name": "fresh", "version": "2", "state": "READY"}


def test_a_failed_reload_serves_on(root: Path, server: ServerProcess) -> None:
    load = f"{server.url}/v2/repository/models/kept/load"
    model = onnx_models.shift(root / "kept" / "1" / "model.onnx", 5)
    assert httpx.post(load, timeout=30).status_code == 200
    model.write_bytes(b"PK\3\4 not any more")
    failed = httpx.post(load, timeout=30)
    assert failed.status_code == 400
    assert "failed to load 'kept': NotAnONNXModel:" in failed.json()["error"]
    assert "version 1 serves on" in failed.json()["error"]
    assert answered(server, "kept") == 5
    assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
    (entry,) = [one for one in httpx.post(f"{server.url}/v2/repository/index").json() if one["name"] == "kept"]
    assert entry["state"] == "READY"


def test_what_is_not_supported_is_refused_by_name(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="'config' is not supported") as refused:
        client.load_model("two", config='{"max_batch_size": 1}')
    assert refused.value.status() == "400"
    assert client.is_model_ready("two")


@pytest.mark.parametrize("name", ["nope", "documents", "%2e%2e"])
def test_an_unknown_model(name: str, server: ServerProcess) -> None:
    with httpx.Client() as client:
        target = httpx.URL(server.url).copy_with(raw_path=f"/v2/repository/models/{name}/load".encode())
        answer = client.send(httpx.Request("POST", target))
    assert answer.status_code == 404
    assert "no such model in the repository" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("models/two/load", b"{", "not JSON"),
        ("models/two/load", b"[]", "must be a JSON object"),
        ("models/two/load", b'{"parameters": 3}', "'parameters' must be an object, got 3"),
        ("models/two/load", b'{"parameters": {"other": 3}}', "'other'"),
        ("models/two/load", b'{"parameters": {"file:1/model.onnx": "eA=="}}', "'file:1/model.onnx' is not supported"),
        ("models/two/unload", b'{"parameters": {"unload_dependents": 1}}', "true or false, got 1"),
        ("models/two/unload", b'{"parameters": {"other": 1}}', "'other'"),
        ("index", b'{"ready": "yes"}', "'ready' must be true or false"),
    ],
)
def test_a_bad_request(path: str, body: bytes, words: str, server: ServerProcess) -> None:
    answer = httpx.post(f"{server.url}/v2/repository/{path}", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_one_model_is_loaded_again_only_where_settings_allow_it(tmp_path: Path) -> None:
    model = onnx_models.shift(tmp_path / "m.onnx", 1)
    with serving(model, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        for action in ("load", "unload"):
            answer = httpx.post(f"{server.url}/v2/repository/models/m/{action}")
            assert answer.status_code == 403
            assert "modelControl: Explicit" in answer.json()["error"]
        assert httpx.post(f"{server.url}/v2/repository/index").json() == [
            {"name": "m", "version": "1", "state": "READY"}
        ]
    with serving(model, tmp_path=tmp_path, env={"ONNX_SERVER_MODEL_CONTROL": "Explicit"}) as server:
        server.wait_until_ready()
        onnx_models.shift(model, 2)
        assert answered(server, "m") == 1
        assert httpx.post(f"{server.url}/v2/repository/models/m/load", timeout=30).status_code == 200
        assert answered(server, "m") == 2
