"""Bare stubs: what a ModelInferRequest may say, typed and raw, and the code and words of each fault.

The cases that name `triton` were asked of a Triton: its code is beside ours, with the reason where they differ.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.json_format import ParseDict
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving
from tests.contract.test_server_tritonclient import VALUES

Request = service_pb2.ModelInferRequest
INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def repository(path: Path) -> Path:
    """Models `mlp`, whose requests have 64 rows at most, `ident` and `lookup`, whose index may be from outside."""
    for name in ("mlp", "ident", "lookup"):
        (path / "models" / name / "1").mkdir(parents=True)
    onnx_models.linear(path / "models/mlp/1/model.onnx")
    onnx_models.identities(path / "models/ident/1/model.onnx", **onnx_models.IDENTITY_TYPES)
    onnx_models.lookup(path / "models/lookup/1/model.onnx")
    (path / "server.yaml").write_text("models: {mlp: {maxBatchSize: 64}}\n")
    return path / "models"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("grpc")
    with serving(repository(tmp_path), "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


@pytest.fixture
def channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.grpc_address) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.Channel) -> Any:
    return service_pb2_grpc.GRPCInferenceServiceStub(channel)


def tensor(name: str = "x", datatype: str = "FP32", shape: tuple[int, ...] = (1, 64), **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape), **more}


def request(*inputs: dict[str, Any], raw: list[bytes] | None = None, **more: Any) -> Any:
    made = ParseDict({"model_name": "mlp", **more, "inputs": list(inputs or (tensor(),))}, Request())
    made.raw_input_contents.extend([bytes(256)] if raw is None else raw)
    return made


FIELDS = {
    "S": "bytes_contents",
    "B": "bool_contents",
    "F": "fp32_contents",
    "D": "fp64_contents",
    "I8": "int_contents",
    "I64": "int64_contents",
    "U8": "uint_contents",
    "U64": "uint64_contents",
}


def test_typed_contents_of_every_datatype(tmp_path: Path) -> None:
    keys = [key for key in VALUES if key in FIELDS]
    model = onnx_models.identities(tmp_path / "typed.onnx", **{key: onnx_models.IDENTITY_TYPES[key] for key in keys})
    made = Request(model_name="typed", id="t")
    for key in keys:
        datatype, values = VALUES[key]
        made.inputs.add(name=f"IN_{key}", datatype=datatype, shape=[3])
        getattr(made.inputs[-1].contents, FIELDS[key]).extend(values.tolist())
    with serving(model, tmp_path=tmp_path) as running:
        running.wait_until_ready()
        with grpc.insecure_channel(running.grpc_address) as channel:
            answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(made)
    assert [output.datatype for output in answer.outputs] == [VALUES[key][0] for key in keys]
    for key, raw in zip(keys, answer.raw_output_contents, strict=True):
        if key != "S":
            assert raw == VALUES[key][1].tobytes()
    assert answer.raw_output_contents[keys.index("S")] == b"\1\0\0\0h\2\0\0\0" + "é".encode() + bytes(4)
    assert answer.id == "t"


def test_answers_are_raw_and_whole(stub: Any) -> None:
    answer = stub.ModelInfer(request(id="7"))
    expected = service_pb2.ModelInferResponse(model_name="mlp", model_version="1", id="7")
    expected.outputs.add(name="y", datatype="FP32", shape=[1, 10])
    expected.raw_output_contents.append(np.zeros((1, 10), np.float32).tobytes())
    assert answer == expected
    assert stub.ModelInfer(request()).id == ""


@dataclass
class Case:
    """A request that cannot be answered: the code of ours, a part of its words, and Triton's code if it was asked."""

    made: Callable[[], Any]
    code: grpc.StatusCode
    says: str
    triton: grpc.StatusCode | None = None


def ident_without_strings() -> Any:
    return request(tensor("IN_F", shape=(1,)), raw=[bytes(4)], model_name="ident")


CASES = {
    "unknown model": Case(lambda: request(model_name="nope"), MISSING, "unknown model 'nope'", MISSING),
    "unknown version": Case(lambda: request(model_version="9"), MISSING, "unknown version '9'", MISSING),
    "unknown input": Case(lambda: request(tensor("zz")), INVALID, "input 'zz' is unknown", INVALID),
    "shape": Case(lambda: request(tensor(shape=(1, 63)), raw=[bytes(252)]), INVALID, "shape [-1, 64]", INVALID),
    "datatype": Case(lambda: request(tensor(datatype="INT64")), INVALID, "the model takes FP32, got INT64", INVALID),
    "unknown output": Case(lambda: request(outputs=[{"name": "zz"}]), INVALID, "output 'zz' is unknown", INVALID),
    "too many rows": Case(
        lambda: request(tensor(shape=(65, 64)), raw=[bytes(65 * 256)]), INVALID, "maxBatchSize is 64", INVALID
    ),
    "typed and raw": Case(
        lambda: request(tensor(contents={"fp32_contents": [0.0]})),
        INVALID,
        "may not be together with raw_input_contents",
        INVALID,
    ),
    "missing inputs": Case(ident_without_strings, INVALID, "'inputs' lacks"),
    "input twice": Case(lambda: request(tensor(), tensor(), raw=[bytes(256)] * 2), INVALID, "is given twice"),
    "output twice": Case(lambda: request(outputs=[{"name": "y"}] * 2), INVALID, "is asked for twice"),
    "raw too short": Case(lambda: request(raw=[bytes(255)]), INVALID, "255"),
    "raw for no input": Case(
        lambda: request(raw=[bytes(256)] * 2), INVALID, "one entry for each of the 1 inputs, got 2"
    ),
    "negative size": Case(
        lambda: request(tensor(shape=(-1, 64))), INVALID, "'shape' must be a list of integers from 0"
    ),
    "overflowing shape": Case(lambda: request(tensor(shape=(2**60, 64))), INVALID, "input 'x'"),
    "no such datatype": Case(lambda: request(tensor(datatype="FP23")), INVALID, "'datatype' must be one of"),
    "neither typed nor raw": Case(lambda: request(raw=[]), INVALID, "needs 64 values in fp32_contents, got 0"),
    "another field": Case(
        lambda: request(tensor(contents={"int_contents": [1]}), raw=[]), INVALID, "FP32 goes in fp32_contents, got int_"
    ),
    "out of range": Case(
        lambda: request(tensor("IN_I8", "INT8", (2,), contents={"int_contents": [0, 128]}), raw=[], model_name="ident"),
        INVALID,
        "128 is outside of INT8",
    ),
    "no typed form": Case(
        lambda: request(tensor("IN_H", "FP16", (1,), contents={"fp32_contents": [1]}), raw=[], model_name="ident"),
        INVALID,
        "FP16 has no typed contents: send it in raw_input_contents",
    ),
    "no UTF-8": Case(
        lambda: request(
            tensor("IN_S", "BYTES", (1,), contents={"bytes_contents": ["/w=="]}), raw=[], model_name="ident"
        ),
        INVALID,
        "element 0 is not UTF-8",
    ),
    "shared memory": Case(
        lambda: request(tensor(parameters={"shared_memory_region": {"string_param": "r"}})),
        INVALID,
        "is not supported by this server",
    ),
    "priority": Case(
        lambda: request(parameters={"priority": {"string_param": "high"}}), INVALID, "'priority' of the request must be"
    ),
    "no choice of a parameter": Case(lambda: request(parameters={"timeout": {}}), INVALID, "'timeout' of the request"),
    "reserved parameter": Case(
        lambda: request(parameters={"triton_final": {"bool_param": True}}), INVALID, "'triton_' first are reserved"
    ),
    "a sequence": Case(
        lambda: request(parameters={"sequence_id": {"int64_param": 3}}), INVALID, "keeps no state between requests"
    ),
    "a value that the model refuses": Case(
        lambda: request(tensor("x", "INT64", (1,)), raw=[(9).to_bytes(8, "little")], model_name="lookup"),
        INVALID,
        "the model failed",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_faults_have_a_code_and_words(name: str, stub: Any) -> None:
    case = CASES[name]
    with pytest.raises(grpc.RpcError) as refused:
        stub.ModelInfer(case.made())
    assert refused.value.code() == case.code
    assert case.says in refused.value.details()
    assert case.triton in {None, case.code}


@pytest.mark.parametrize("name", CASES)
def test_in_a_stream_they_have_the_same_words(name: str, stub: Any) -> None:
    made = CASES[name].made()
    made.id = "7"
    failed, answered = stub.ModelStreamInfer(iter([made, request(id="8")]))
    assert CASES[name].says in failed.error_message
    assert (answered.error_message, answered.infer_response.id) == ("", "8")


def test_a_fault_in_a_stream_names_its_request(stub: Any) -> None:
    (failed,) = stub.ModelStreamInfer(iter([request(tensor("zz"), id="7")]))
    assert failed.infer_response.id == "7"
    assert not failed.infer_response.outputs


def test_bytes_that_are_no_message(channel: grpc.Channel) -> None:
    for method in ("ModelInfer", "ModelMetadata"):
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(f"/inference.GRPCInferenceService/{method}")(b"\xff\xff\xff")
        assert refused.value.code() == INVALID
        assert f"the message is no inference.{method}Request" in refused.value.details()
    raw_stream = channel.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer")
    (answer,) = raw_stream(iter([b"\xff\xff"]))
    assert "no inference.ModelInferRequest" in service_pb2.ModelStreamInferResponse.FromString(answer).error_message


def test_unknown_methods_and_fields(channel: grpc.Channel, stub: Any) -> None:
    """Reflection is not served, as by the Triton that was asked. Fields of other versions are ignored."""
    for path in (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/inference.GRPCInferenceService/Other",
    ):
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(path)(b"")
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    more = request().SerializeToString() + b"\xfa\x7f\x03abc"  # field 2047
    answer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")(more)
    assert service_pb2.ModelInferResponse.FromString(answer) == stub.ModelInfer(request())


def test_an_empty_stream(stub: Any) -> None:
    assert list(stub.ModelStreamInfer(iter([]))) == []


@pytest.mark.parametrize(
    ("method", "message", "code"),
    [
        ("ModelMetadata", service_pb2.ModelMetadataRequest(name="nope"), MISSING),
        ("ModelMetadata", service_pb2.ModelMetadataRequest(name="mlp", version="9"), MISSING),
        ("ModelConfig", service_pb2.ModelConfigRequest(name="nope"), MISSING),
        ("ModelStatistics", service_pb2.ModelStatisticsRequest(name="nope"), MISSING),
        # Here nobody may load models unless the settings say so.
        (
            "RepositoryModelLoad",
            service_pb2.RepositoryModelLoadRequest(model_name="mlp"),
            grpc.StatusCode.PERMISSION_DENIED,
        ),
        (
            "RepositoryModelUnload",
            service_pb2.RepositoryModelUnloadRequest(model_name="mlp"),
            grpc.StatusCode.PERMISSION_DENIED,
        ),
    ],
)
def test_documents_that_are_not_there(method: str, message: Any, code: grpc.StatusCode, stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        getattr(stub, method)(message)
    assert refused.value.code() == code
    assert refused.value.details()
