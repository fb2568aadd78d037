"""Unmodified tritonclient over HTTP against a real server: every datatype, both forms, compression, errors."""

from collections.abc import Iterator
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
from onnx import TensorProto
from tritonclient.utils import InferenceServerException

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving

VALUES = {
    "S": ("BYTES", np.array([b"h", "é".encode(), b""], dtype=object)),
    "H": ("FP16", np.array([1.5, -2, 65504], dtype=np.float16)),
    "B": ("BOOL", np.array([True, False, True])),
    "F": ("FP32", np.array([1.5, -2.25, 3e38], dtype=np.float32)),
    "D": ("FP64", np.array([1.5, -2.25, 1e308], dtype=np.float64)),
    "I8": ("INT8", np.array([-128, 0, 127], dtype=np.int8)),
    "I16": ("INT16", np.array([-(2**15), 0, 2**15 - 1], dtype=np.int16)),
    "I32": ("INT32", np.array([-(2**31), 0, 2**31 - 1], dtype=np.int32)),
    "I64": ("INT64", np.array([-(2**63), 0, 2**63 - 1], dtype=np.int64)),
    "U8": ("UINT8", np.array([0, 1, 255], dtype=np.uint8)),
    "U16": ("UINT16", np.array([0, 1, 2**16 - 1], dtype=np.uint16)),
    "U32": ("UINT32", np.array([0, 1, 2**32 - 1], dtype=np.uint32)),
    "U64": ("UINT64", np.array([0, 1, 2**64 - 1], dtype=np.uint64)),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("triton")
    model = onnx_models.identities(tmp_path / "ident.onnx", **onnx_models.IDENTITY_TYPES)
    with serving(model, tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.http_port}") as connected:
        yield connected


def inputs(*, binary: bool = True, without: tuple[str, ...] = (), count: int = 3) -> list[triton.InferInput]:
    made = []
    for key, (datatype, values) in VALUES.items():
        tensor = triton.InferInput(f"IN_{key}", [count], datatype)
        tensor.set_data_from_numpy(values[:count], binary_data=binary or key == "H")
        made.append(tensor)
    return [tensor for tensor in made if tensor.name() not in without]


def test_health_and_metadata(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("ident")
    assert client.is_model_ready("ident", "1")
    assert not client.is_model_ready("other")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("ident")
    assert {entry["name"]: entry["datatype"] for entry in metadata["inputs"]} == {
        f"IN_{key}": datatype for key, (datatype, _) in VALUES.items()
    }


def test_every_datatype_in_binary_form(client: triton.InferenceServerClient) -> None:
    result = client.infer("ident", inputs(), request_id="7")
    assert result.get_response()["id"] == "7"
    for key, (_, values) in VALUES.items():
        np.testing.assert_array_equal(result.as_numpy(f"OUT_{key}"), values)


def test_json_both_ways_where_there_is_a_form(client: triton.InferenceServerClient) -> None:
    keys = [key for key in VALUES if key != "H"]
    asked = [triton.InferRequestedOutput(f"OUT_{key}", binary_data=False) for key in reversed(keys)]
    result = client.infer("ident", inputs(binary=False), outputs=asked)
    assert [entry["name"] for entry in result.get_response()["outputs"]] == [f"OUT_{key}" for key in reversed(keys)]
    for key in keys:
        expected = VALUES[key][1] if key != "S" else ["h", "é", ""]
        np.testing.assert_array_equal(result.as_numpy(f"OUT_{key}"), expected)


def test_half_precision_has_no_json_form(client: triton.InferenceServerClient) -> None:
    asked = [triton.InferRequestedOutput("OUT_H", binary_data=False)]
    with pytest.raises(InferenceServerException, match="output 'OUT_H': FP16 has no JSON form"):
        client.infer("ident", inputs(), outputs=asked)


def test_classification(client: triton.InferenceServerClient) -> None:
    for binary in (True, False):
        asked = [triton.InferRequestedOutput(f"OUT_{key}", binary, class_count=2) for key in ("F", "I64", "H")]
        result = client.infer("ident", inputs(), outputs=asked)
        # One class a row: the model counts rows in its first dimension, and has no other.
        assert result.get_output("OUT_F")["shape"] == [3, 1]
        texts = [bytes(text) if binary else text.encode() for text in result.as_numpy("OUT_I64").ravel()]
        assert texts == [b"-9223372036854775808:0", b"0:0", b"9223372036854775807:0"]
    for key in ("S", "B"):
        with pytest.raises(InferenceServerException, match=f"output 'OUT_{key}' is .* needs an output of numbers"):
            client.infer("ident", inputs(), outputs=[triton.InferRequestedOutput(f"OUT_{key}", class_count=1)])


def test_parameters_of_requests_that_belong_together_are_refused(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="'sequence_id' of the request is 7"):
        client.infer("ident", inputs(), sequence_id=7, sequence_start=True)
    result = client.infer("ident", inputs(), priority=1, timeout=10_000_000, parameters={"mine": 1})
    assert result.as_numpy("OUT_F").shape == (3,)


def test_shared_memory_is_refused_by_name(client: triton.InferenceServerClient) -> None:
    region = triton.InferInput("IN_F", [3], "FP32")
    region.set_shared_memory("region", 12)
    with pytest.raises(InferenceServerException, match="'shared_memory_region' of input 'IN_F' is not supported"):
        client.infer("ident", [region, *inputs(without=("IN_F",))])
    output = triton.InferRequestedOutput("OUT_F")
    output.set_shared_memory("region", 12)
    with pytest.raises(InferenceServerException, match="'shared_memory_region' of output 'OUT_F' is not supported"):
        client.infer("ident", inputs(), outputs=[output])


def test_tensors_without_elements(client: triton.InferenceServerClient) -> None:
    result = client.infer("ident", inputs(count=0))
    assert result.as_numpy("OUT_F").shape == (0,)
    assert result.as_numpy("OUT_S").shape == (0,)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compression(algorithm: str, client: triton.InferenceServerClient) -> None:
    result = client.infer(
        "ident", inputs(), request_compression_algorithm=algorithm, response_compression_algorithm=algorithm
    )
    np.testing.assert_array_equal(result.as_numpy("OUT_F"), VALUES["F"][1])


def test_errors_reach_the_client_as_words(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match=r"'inputs' lacks \['IN_F'\]") as refused:
        client.infer("ident", inputs(without=("IN_F",)))
    assert refused.value.status() == "400"
    with pytest.raises(InferenceServerException, match="unknown model 'other'"):
        client.infer("other", inputs())
    with pytest.raises(InferenceServerException, match="unknown version '9'"):
        client.get_model_metadata("ident", "9")


def test_a_body_over_the_limit(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("maxBodyBytes: 100000\n")
    model = onnx_models.linear(tmp_path / "mlp.onnx")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as running:
        running.wait_until_ready()
        tensor = triton.InferInput("x", [400_000, 64], "FP32")
        tensor.set_data_from_numpy(np.zeros((400_000, 64), np.float32))
        with triton.InferenceServerClient(f"127.0.0.1:{running.http_port}") as connected:
            with pytest.raises(InferenceServerException, match="maxBodyBytes") as refused:
                connected.infer("mlp", [tensor])
            assert refused.value.status() == "413"
            assert connected.is_server_ready()


@pytest.mark.parametrize("count", [3, 0])
def test_bfloat16_both_ways(count: int, tmp_path: Path) -> None:
    model = onnx_models.identities(tmp_path / "bf.onnx", BF=TensorProto.BFLOAT16, F=TensorProto.FLOAT)
    values = np.array([1.0, -2.5, 3e38], dtype=np.float32)[:count].astype(ml_dtypes.bfloat16)
    bf, f = triton.InferInput("IN_BF", [count], "BF16"), triton.InferInput("IN_F", [count], "FP32")
    bf.set_data_from_numpy(values)
    f.set_data_from_numpy(values.astype(np.float32))
    with serving(model, tmp_path=tmp_path) as running:
        running.wait_until_ready()
        with triton.InferenceServerClient(f"127.0.0.1:{running.http_port}") as connected:
            result = connected.infer("bf", [bf, f])
    np.testing.assert_array_equal(result.as_numpy("OUT_BF").astype(np.float32), values.astype(np.float32))
    np.testing.assert_array_equal(result.as_numpy("OUT_F"), values.astype(np.float32))


def test_bfloat16_in_beside_strings(tmp_path: Path) -> None:
    x, s = triton.InferInput("x", [2], "BF16"), triton.InferInput("s", [2], "BYTES")
    x.set_data_from_numpy(np.array([1.0, -2.5], dtype=ml_dtypes.bfloat16))
    s.set_data_from_numpy(np.array([b"a", b"b"], dtype=object))
    with serving(onnx_models.bfloat16_to_float(tmp_path / "bf.onnx"), tmp_path=tmp_path) as running:
        running.wait_until_ready()
        with triton.InferenceServerClient(f"127.0.0.1:{running.http_port}") as connected:
            result = connected.infer("bf", [x, s])
    assert result.as_numpy("y").tolist() == [1.0, -2.5]
    assert result.as_numpy("t").tolist() == [b"a", b"b"]
