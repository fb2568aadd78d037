"""Which file is the model, and whether its bytes are one; without the onnx package."""

from pathlib import Path

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from onnx_server.failures import Failure, Reason
from onnx_server.repository import modelfile


def model_bytes() -> bytes:
    value = helper.make_tensor_value_info
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [value("x", TensorProto.FLOAT, [1])], [value("y", TensorProto.FLOAT, [1])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="tests", doc_string="x" * 300)
    model.ir_version = 8
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("paths", "choice"),
    [
        (["a.onnx"], "a.onnx"),
        (["a.onnx", "model.onnx", "w.bin"], "model.onnx"),
        (["a.onnx", "sub/b.onnx"], "a.onnx"),
        (["sub/b.onnx", "readme.md"], "sub/b.onnx"),
        (["s/a.onnx", "t/model.onnx"], "t/model.onnx"),
    ],
)
def test_choose(paths: list[str], choice: str) -> None:
    assert modelfile.choose(paths, "there") == choice


@pytest.mark.parametrize("paths", [[], ["model.pt"], ["a.onnx", "b.onnx"], ["s/model.onnx", "t/model.onnx"]])
def test_no_choice(paths: list[str]) -> None:
    with pytest.raises(Failure, match="there") as failed:
        modelfile.choose(paths, "there")
    assert failed.value.reason == Reason.NOT_AN_ONNX_MODEL


def test_header(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model_bytes())
    assert modelfile.read_header(path, "m") == modelfile.ModelHeader(8, {"": 17, "ai.onnx.ml": 3})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"<html><body>login</body></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "Git LFS pointer"),
        (b"PK\x03\x04zip", "zip archive"),
        (b"hello world, this is no model", "is not an ONNX model"),
        (model_bytes()[:-20], "cut off"),
        (onnx.ModelProto(producer_name="nothing else").SerializeToString(), "no IR version"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "no graph"),
    ],
)
def test_what_is_not_a_model_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(Failure) as failed:
        modelfile.read_header(path, "the file")
    assert failed.value.reason == Reason.NOT_AN_ONNX_MODEL
    assert words in failed.value.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_give_a_header_or_a_typed_failure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    failed = None
    try:
        modelfile.read_header(path, "m")
    except Failure as failure:
        failed = failure
    assert failed is None or failed.reason == Reason.NOT_AN_ONNX_MODEL
