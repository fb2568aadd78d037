"""`onnx-server serve` ends typed when it cannot serve: each reason of docs/contract.md by a real run."""

import json
import socket
from pathlib import Path

import pytest
from onnx import TensorProto

from tests.contract import onnx_models
from tests.contract.server_process import Ended, run, serve_fails

LISTEN = ("--host", "127.0.0.1", "--metrics-port", "0", "--control-port", "0")


def failed(ended: Ended, reason: str) -> str:
    assert ended.status == 1, ended.stderr
    assert ended.message["result"] == "Failed"
    assert ended.message["reason"] == reason, ended.message
    last = json.loads(ended.stderr.splitlines()[-1])
    assert (last["message"], last["reason"]) == (ended.message["message"], reason)
    return str(ended.message["message"])


def config(tmp_path: Path, text: str) -> tuple[str, str]:
    path = tmp_path / "server.yaml"
    path.write_text(text)
    return "--config", str(path)


@pytest.mark.parametrize("providers", ["[CUDA]", "[CUDA, CPU]", "[TensorRT, CUDA]"])
def test_execution_provider_unavailable(providers: str, tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    ended = serve_fails(model, *config(tmp_path, f"executionProviders: {providers}"), tmp_path=tmp_path)
    message = failed(ended, "ExecutionProviderUnavailable")
    assert "CUDA" in message
    assert "spec.server.image" in message


@pytest.mark.parametrize("what", ["opset", "ir", "operator", "domain"])
def test_unsupported_opset(what: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    model = {
        "opset": lambda: onnx_models.identity(path, TensorProto.FLOAT, [1], opset=99),
        "ir": lambda: onnx_models.identity(path, TensorProto.FLOAT, [1], ir_version=99),
        "operator": lambda: onnx_models.custom(path, "Transmogrify"),
        "domain": lambda: onnx_models.custom(path, "Transmogrify", "com.example"),
    }[what]()
    message = failed(serve_fails(model, tmp_path=tmp_path), "UnsupportedOpset")
    assert {"opset": "99", "ir": "99", "operator": "Transmogrify", "domain": "com.example:Transmogrify"}[
        what
    ] in message


def test_a_datatype_without_a_name_in_the_protocol_is_unsupported(tmp_path: Path) -> None:
    model = onnx_models.identity(tmp_path / "m.onnx", TensorProto.FLOAT8E4M3FN, [1], opset=19, ir_version=9)
    assert "input 'x' has the type tensor(float8e4m3fn)" in failed(
        serve_fails(model, tmp_path=tmp_path), "UnsupportedModel"
    )


def test_strings_in_and_bfloat16_out_are_unsupported(tmp_path: Path) -> None:
    model = onnx_models.identities(tmp_path / "m.onnx", S=TensorProto.STRING, BF=TensorProto.BFLOAT16)
    assert "cast the outputs to float" in failed(serve_fails(model, tmp_path=tmp_path), "UnsupportedModel")


@pytest.mark.parametrize("content", [b"<html>", b"", b"\x08\x08"])
def test_not_an_onnx_model(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    failed(serve_fails(tmp_path / "m.onnx", tmp_path=tmp_path), "NotAnONNXModel")


def test_a_graph_that_is_no_protobuf_inside(tmp_path: Path) -> None:
    # ir_version 8, then a graph of three bytes of nonsense: only ONNX Runtime looks inside.
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08\x3a\x03\xff\xff\xff")
    failed(serve_fails(tmp_path / "m.onnx", tmp_path=tmp_path), "NotAnONNXModel")


def test_no_model_there(tmp_path: Path) -> None:
    assert "absent.onnx" in failed(serve_fails(tmp_path / "absent.onnx", tmp_path=tmp_path), "NotAnONNXModel")
    (tmp_path / "empty").mkdir()
    failed(serve_fails(tmp_path / "empty", tmp_path=tmp_path), "NotAnONNXModel")


def test_weights_that_are_missing(tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx", external="weights.bin")
    (tmp_path / "weights.bin").unlink()
    message = failed(serve_fails(model, tmp_path=tmp_path), "ModelLoadFailed")
    assert "name the directory" in message


def test_warm_up_failed(tmp_path: Path) -> None:
    model = onnx_models.reshape(tmp_path / "m.onnx", declared=True)
    assert "declared shapes" in failed(serve_fails(model, tmp_path=tmp_path), "WarmUpFailed")


@pytest.mark.parametrize(
    ("text", "words"),
    [("maxBatchSize: zero", "maxBatchSize"), ("modle: {}", "modle: no such setting"), ("a: [", "YAML")],
)
def test_invalid_config(text: str, words: str, tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    assert words in failed(serve_fails(model, *config(tmp_path, text), tmp_path=tmp_path), "InvalidConfig")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("serve", model, *LISTEN, "--http-port", port, tmp_path=tmp_path)
    assert f"127.0.0.1:{port}" in failed(ended, "InvalidConfig")


@pytest.mark.parametrize(
    ("files", "options", "reason", "words"),
    [
        (["a.onnx", "m/1/a.onnx"], [], "NotAnONNXModel", "name the file"),
        (["1/a.onnx", "2/a.onnx"], [], "NotAnONNXModel", "serve the folder above it"),
        (["m/1/model.plan"], [], "NotAnONNXModel", "the versions of m hold no .onnx file"),
        (["a.onnx"], ["--load", "explicit"], "InvalidConfig", "is one model: leave them out"),
        (["m/1/a.onnx"], ["--config"], "InvalidConfig", "whose folders name them: leave it out"),
    ],
)
def test_a_folder_that_is_not_what_it_should_be(
    files: list[str], options: list[str], reason: str, words: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        onnx_models.linear(tmp_path / "models" / name)
    more = config(tmp_path, "model: {name: x}") if options == ["--config"] else options
    assert words in failed(serve_fails(tmp_path / "models", *more, tmp_path=tmp_path), reason)


def test_a_variable_that_is_no_setting(tmp_path: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    ended = run("serve", model, tmp_path=tmp_path, env={"ONNX_SERVER_QUEUE__SIEZ": "3"})
    assert "ONNX_SERVER_QUEUE__SIEZ: no such setting" in failed(ended, "InvalidConfig")


def test_models_to_load_go_with_explicit_loading(tmp_path: Path) -> None:
    ended = run("serve", tmp_path, "--load-model", "m", tmp_path=tmp_path)
    assert ended.status == 2
    assert "--load-model goes with --load explicit" in ended.stderr
