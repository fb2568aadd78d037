"""Many models: what is loaded, which version answers, what is said of them, as unmodified tritonclient sees it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.contract import onnx_models
from tests.contract.repositories import answered, asked, make
from tests.contract.server_process import ServerProcess, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("all")
    (tmp_path / "server.yaml").write_text("models: {two: {maxBatchSize: 8}, gone: {instances: 2}}\n")
    options = ("--config", tmp_path / "server.yaml")
    with serving(make(tmp_path / "models"), *options, tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.http_port}") as connected:
        yield connected


def test_the_highest_version_serves(server: ServerProcess) -> None:
    assert answered(server, "one") == 10
    assert answered(server, "one/versions/10") == 10
    assert asked(server, "one").json()["model_version"] == "10"
    refused = asked(server, "one/versions/2")
    assert refused.status_code == 404
    assert refused.json()["error"] == "unknown version '2' of model 'one': there is '10'"


def test_any_single_file_and_its_weights(client: triton.InferenceServerClient) -> None:
    assert client.get_model_metadata("two") == {
        "name": "two",
        "versions": ["3"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 10]}],
    }


def test_the_index(client: triton.InferenceServerClient) -> None:
    assert client.get_model_repository_index() == [
        {"name": "one", "version": "10", "state": "READY"},
        {"name": "two", "version": "3", "state": "READY"},
    ]


def test_what_is_not_read_is_said(server: ServerProcess) -> None:
    said = {entry["message"]: entry for entry in server.entries() if entry["level"] == "warning"}
    assert any("config.pbtxt is not read" in message for message in said)
    assert said["folders without versions are no models"]["folders"] == "'documents'"
    assert said["settings of models that are not in the repository"]["models"] == "gone"
    (ignored,) = [entry for message, entry in said.items() if "no versions" in message]
    assert (ignored["model"], ignored["folders"]) == ("one", "007,labels")


def test_configuration_with_and_without_settings_of_its_own(client: triton.InferenceServerClient) -> None:
    config = client.get_model_config("two")
    assert config["max_batch_size"] == 8
    assert (config["platform"], config["backend"]) == ("onnxruntime_onnx", "onnxruntime")
    assert config["default_model_filename"] == "net.onnx"
    (x,), (y,) = config["input"], config["output"]
    assert (x["name"], x["data_type"], x["dims"]) == ("x", "TYPE_FP32", [64])
    assert (y["name"], y["data_type"], y["dims"]) == ("y", "TYPE_FP32", [10])
    assert config["instance_group"][0]["kind"] == "KIND_CPU"
    assert config["version_policy"] == {"latest": {"num_versions": 1}}
    assert client.get_model_config("one", "10")["max_batch_size"] > 8


def test_statistics(server: ServerProcess, client: triton.InferenceServerClient) -> None:
    def of_one() -> Any:
        (one,) = client.get_inference_statistics("one", "10")["model_stats"]
        return one

    before = of_one()
    assert answered(server, "one") == 10
    assert asked(server, "one/versions/10", x=2.0).status_code == 200
    httpx.post(f"{server.url}/v2/models/one/infer", json={})
    after = of_one()
    for what in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        was, now = before["inference_stats"][what], after["inference_stats"][what]
        assert now["count"] - was["count"] == 2
        assert now["ns"] > was["ns"]
    assert after["inference_stats"]["fail"]["count"] - before["inference_stats"]["fail"]["count"] == 1
    assert after["inference_count"] - before["inference_count"] == 2
    assert after["last_inference"] > 1_700_000_000_000
    assert [entry["batch_size"] for entry in after["batch_stats"]] == [1]
    every = client.get_inference_statistics()["model_stats"]
    assert [(entry["name"], entry["version"]) for entry in every] == [("one", "10"), ("two", "3")]


def test_nobody_may_load_or_unload(client: triton.InferenceServerClient) -> None:
    for call in (client.load_model, client.unload_model):
        with pytest.raises(InferenceServerException, match="modelControl: Explicit") as refused:
            call("one")
        assert refused.value.status() == "403"
    assert client.is_model_ready("one")


def test_health_by_head(server: ServerProcess) -> None:
    for path in ("/v2/health/live", "/v2/health/ready"):
        answer = httpx.head(server.url + path)
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/logging",
        "/v2/trace/setting",
        "/v2/models/one/trace/setting",
        "/v2/systemsharedmemory/status",
        "/v2/systemsharedmemory/region/r/register",
        "/v2/cudasharedmemory/status",
    ],
)
def test_extensions_that_are_not_there_are_refused_by_name(path: str, server: ServerProcess) -> None:
    for answer in (httpx.get(server.url + path), httpx.post(server.url + path, json={})):
        assert answer.status_code == 404
        assert "not supported" in answer.json()["error"] or "cannot be" in answer.json()["error"]


def test_policies_per_model_and_from_the_environment(tmp_path: Path) -> None:
    root = make(tmp_path / "models")
    env = {
        "ONNX_SERVER_VERSION_POLICY": "{mode: Specific, versions: [3]}",
        "ONNX_SERVER_MODELS__one__VERSION_POLICY": "{latest: 2}",
    }
    with serving(root, tmp_path=tmp_path, env=env) as server:
        server.wait_until_ready()
        assert httpx.get(f"{server.url}/v2/models/one").json()["versions"] == ["2", "10"]
        assert [answered(server, path) for path in ("one", "one/versions/2", "one/versions/10")] == [10, 2, 10]
        assert asked(server, "one/versions/1").status_code == 404
        statistics = httpx.get(f"{server.url}/v2/models/one/stats").json()["model_stats"]
        assert [entry["version"] for entry in statistics] == ["2", "10"]


def test_a_broken_model_is_named_and_the_others_serve(tmp_path: Path) -> None:
    root = make(tmp_path / "models")
    (root / "two" / "3" / "weights.bin").unlink()
    (root / "three" / "1").mkdir(parents=True)
    env = {"ONNX_SERVER_MODEL_CONTROL": "Explicit"}
    with serving(root, tmp_path=tmp_path, env=env) as server:
        server.wait_for_log("not ready")
        assert answered(server, "one") == 10
        unready = httpx.get(f"{server.url}/v2/health/ready")
        assert unready.status_code == 503
        assert "'two' is unavailable (version 3: ModelLoadFailed:" in unready.json()["error"]
        assert "'three' is unavailable (version 1: NotAnONNXModel:" in unready.json()["error"]
        for path in ("two", "two/ready", "two/versions/3/config"):
            answer = httpx.get(f"{server.url}/v2/models/{path}")
            assert answer.status_code == 503
            assert "ModelLoadFailed" in answer.json()["error"]
        index = httpx.post(f"{server.url}/v2/repository/index").json()
        states = {(entry["name"], entry["version"]): entry["state"] for entry in index}
        assert states == {("one", "10"): "READY", ("two", "3"): "UNAVAILABLE", ("three", "1"): "UNAVAILABLE"}
        ready = httpx.post(f"{server.url}/v2/repository/index", json={"ready": True}).json()
        assert ready == [{"name": "one", "version": "10", "state": "READY"}]

        onnx_models.linear(root / "two" / "3" / "net.onnx", external="weights.bin")
        onnx_models.shift(root / "three" / "1" / "model.onnx", 3)
        for name in ("two", "three"):
            assert httpx.post(f"{server.url}/v2/repository/models/{name}/load", timeout=30).status_code == 200
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        assert answered(server, "three") == 3


def test_rows_that_act_on_each_other_are_no_rows_to_clients(tmp_path: Path) -> None:
    with serving(onnx_models.softmax_over_rows(tmp_path / "m.onnx"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        config = httpx.get(f"{server.url}/v2/models/m/config").json()
    assert config["max_batch_size"] == 0
    assert config["input"][0]["dims"] == config["output"][0]["dims"] == [-1, 3]
    assert "dynamic_batching" not in config
