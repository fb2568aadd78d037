"""Every datatype and shape over gRPC and back: raw, and typed where there is a field for it."""

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import TensorProto
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from tests.contract import onnx_models
from tests.contract.server_process import serving
from tests.contract.test_server_round_trips import DTYPES, SHAPES, TEXTS

FIELDS = {
    "S": "bytes_contents",
    "B": "bool_contents",
    "F": "fp32_contents",
    "D": "fp64_contents",
    "I8": "int_contents",
    "I16": "int_contents",
    "I32": "int_contents",
    "I64": "int64_contents",
    "U8": "uint_contents",
    "U16": "uint_contents",
    "U32": "uint_contents",
    "U64": "uint64_contents",
}
KEYS = {True: list(DTYPES), False: list(FIELDS)}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Models of undeclared shape: `raw` of all datatypes, `typed` of those with a field, `bf` of BF16 alone."""
    tmp_path = tmp_path_factory.mktemp("round_trips")
    types = onnx_models.IDENTITY_TYPES
    models = {"raw": types, "typed": {key: types[key] for key in FIELDS}, "bf": {"BF": TensorProto.BFLOAT16}}
    for name, of in models.items():
        (tmp_path / "models" / name / "1").mkdir(parents=True)
        onnx_models.identities(tmp_path / "models" / name / "1/model.onnx", shape=None, **of)
    with serving(tmp_path / "models", tmp_path=tmp_path) as running:
        running.wait_until_ready()
        with grpc.insecure_channel(running.grpc_address) as channel:
            yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def encoded(array: NDArray[Any]) -> bytes:
    if array.dtype != object:
        return array.tobytes()
    return serialize_byte_tensor(array).item() if array.size else b""


@st.composite
def tensors(draw: st.DrawFn) -> tuple[bool, dict[str, NDArray[Any]]]:
    """Whether the request is raw, and a tensor for each of its datatypes."""
    raw = draw(st.booleans())
    drawn = {}
    for key in KEYS[raw]:
        shape = draw(SHAPES)
        if key == "S":
            array = np.empty(shape, dtype=object)
            for index in np.ndindex(*shape):
                array[index] = draw(TEXTS).encode()
        else:
            # Every bit of a NaN is kept by raw tensors only: Python's floats, of which typed ones are made, lose some.
            kept = {} if raw or DTYPES[key].kind != "f" else {"allow_nan": False}
            array = draw(hnp.arrays(DTYPES[key], shape, elements=hnp.from_dtype(DTYPES[key], **kept)))
        drawn[key] = array
    return raw, drawn


@given(tensors())
@settings(max_examples=80, deadline=None)
def test_all_datatypes_in_one_request(stub: Any, drawn: tuple[bool, dict[str, NDArray[Any]]]) -> None:
    raw, arrays = drawn
    made = service_pb2.ModelInferRequest(model_name="raw" if raw else "typed")
    for key, array in arrays.items():
        tensor = made.inputs.add(name=f"IN_{key}", datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        if raw:
            made.raw_input_contents.append(encoded(array))
        else:
            getattr(tensor.contents, FIELDS[key]).extend(array.ravel().tolist())
    answer = stub.ModelInfer(made)
    returned = {output.name: index for index, output in enumerate(answer.outputs)}
    assert returned.keys() == {f"OUT_{key}" for key in arrays}
    for key, array in arrays.items():
        output = answer.outputs[returned[f"OUT_{key}"]]
        assert output.datatype == np_to_triton_dtype(array.dtype)
        assert tuple(output.shape) == array.shape
        assert answer.raw_output_contents[returned[f"OUT_{key}"]] == encoded(array)


@given(hnp.arrays(np.uint16, SHAPES))
@settings(max_examples=40, deadline=None)
def test_bfloat16_keeps_every_bit(stub: Any, bits: NDArray[np.uint16]) -> None:
    made = service_pb2.ModelInferRequest(model_name="bf", raw_input_contents=[bits.tobytes()])
    made.inputs.add(name="IN_BF", datatype="BF16", shape=bits.shape)
    answer = stub.ModelInfer(made)
    assert (answer.outputs[0].datatype, tuple(answer.outputs[0].shape)) == ("BF16", bits.shape)
    assert answer.raw_output_contents[0] == bits.tobytes()
