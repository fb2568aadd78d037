"""Tensors as ONNX's own package writes them, and as somebody's editor leaves them."""

import contextlib

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from onnx_server.repository.tensor_file import MalformedTensorError, parse

ARRAYS = {
    "BOOL": np.array([[True, False, True]]),
    "UINT8": np.array([0, 255], np.uint8),
    "UINT16": np.array([0, 65535], np.uint16),
    "UINT32": np.array([0, 2**32 - 1], np.uint32),
    "UINT64": np.array([0, 2**64 - 1], np.uint64),
    "INT8": np.array([-128, 127], np.int8),
    "INT16": np.array([-(2**15), 2**15 - 1], np.int16),
    "INT32": np.array([-(2**31), 2**31 - 1], np.int32),
    "INT64": np.array([-(2**63), 2**63 - 1], np.int64),
    "FP16": np.array([[1.5], [-2.0], [np.inf]], np.float16),
    "FP32": np.array([[0.1, np.nan], [-np.inf, 1e-30]], np.float32),
    "FP64": np.array([[[0.1]], [[1e300]]], np.float64),
    "BYTES": np.array(["", "grün", "a b"], dtype=object),
}


@pytest.mark.parametrize("datatype", ARRAYS)
def test_raw_as_the_onnx_package_writes_it(datatype: str) -> None:
    array = ARRAYS[datatype]
    name, read, elements = parse(numpy_helper.from_array(array, "x").SerializeToString())
    assert (name, read.name, elements.dtype) == ("x", datatype, read.dtype)
    assert elements.shape == array.shape
    np.testing.assert_array_equal(elements, array)


@pytest.mark.parametrize("datatype", ARRAYS)
def test_typed_fields_as_the_onnx_package_writes_them(datatype: str) -> None:
    array = ARRAYS[datatype]
    element_type = helper.np_dtype_to_tensor_dtype(array.dtype)
    values = [value.encode() for value in array] if datatype == "BYTES" else array.flatten().tolist()
    proto = helper.make_tensor("", element_type, array.shape, values)
    name, read, elements = parse(proto.SerializeToString())
    assert (name, read.name, elements.dtype) == ("", datatype, read.dtype)
    np.testing.assert_array_equal(elements, array)


@pytest.mark.parametrize("raw", [True, False])
def test_bfloat16_is_its_bits(raw: bool) -> None:
    array = np.array([1.0, -2.5], ml_dtypes.bfloat16)
    proto = numpy_helper.from_array(array)
    if not raw:
        proto = helper.make_tensor("", TensorProto.BFLOAT16, [2], [1.0, -2.5])
    _, read, elements = parse(proto.SerializeToString())
    assert read.name == "BF16"
    assert elements.tolist() == [0x3F80, 0xC020]


def test_a_scalar_and_nothing() -> None:
    _, _, scalar = parse(numpy_helper.from_array(np.array(3.0, np.float32)).SerializeToString())
    assert (scalar.shape, scalar) == ((), 3.0)
    _, _, nothing = parse(numpy_helper.from_array(np.zeros((0, 4), np.float32)).SerializeToString())
    assert nothing.shape == (0, 4)


def tensor(**fields: object) -> bytes:
    return TensorProto(**fields).SerializeToString()  # type: ignore[arg-type]


SEQUENCE = numpy_helper.from_list([np.zeros(3, np.float32)], "s").SerializeToString()
MALFORMED = {
    "no protobuf": (b"<html>not found</html>", "no tensor"),
    "cut off": (numpy_helper.from_array(np.zeros(9, np.float32)).SerializeToString()[:-5], "no tensor"),
    "a sequence": (SEQUENCE, ""),
    "empty": (b"", "element type (0)"),
    "int4": (tensor(data_type=TensorProto.INT4, dims=[2], raw_data=b"a"), "element type (22)"),
    "fewer elements than the shape": (
        tensor(data_type=1, dims=[3], raw_data=bytes(8)),
        "2 elements, and the shape [3]",
    ),
    "half an element": (tensor(data_type=1, dims=[1], raw_data=bytes(5)), "multiple of element size"),
    "a negative dimension": (tensor(data_type=1, dims=[-1, -2], raw_data=bytes(8)), "[-1, -2]"),
    "huge dimensions": (tensor(data_type=1, dims=[2**62, 2**62], raw_data=bytes(8)), "2 elements"),
    "huge dimensions of nothing": (tensor(data_type=1, dims=[2**62, 2**62, 0]), ""),
    "many dimensions": (tensor(data_type=1, dims=[1] * 100, raw_data=bytes(4)), ""),
    "does not fit its type": (tensor(data_type=TensorProto.UINT8, dims=[1], int32_data=[-1]), ""),
    "no text": (tensor(data_type=TensorProto.STRING, dims=[1], string_data=[b"\xff"]), "utf-8"),
    "raw strings": (tensor(data_type=TensorProto.STRING, dims=[1], raw_data=b"a"), "raw_data"),
    "elsewhere": (tensor(data_type=1, dims=[2], data_location=TensorProto.EXTERNAL), "not in the file"),
    "in segments": (tensor(data_type=1, dims=[0], segment=TensorProto.Segment(begin=0)), "not in the file"),
}


@pytest.mark.parametrize(("content", "words"), MALFORMED.values(), ids=list(MALFORMED))
def test_malformed(content: bytes, words: str) -> None:
    with pytest.raises(MalformedTensorError) as raised:
        parse(content)
    assert words in str(raised.value)
    assert str(raised.value)


WELL_FORMED = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "x").SerializeToString()


@given(st.binary(max_size=60), st.integers(0, len(WELL_FORMED)), st.integers(0, 3))
def test_whatever_the_bytes_it_is_a_tensor_or_malformed(noise: bytes, at: int, instead_of: int) -> None:
    for content in (noise, WELL_FORMED[:at] + noise + WELL_FORMED[at + instead_of :]):
        with contextlib.suppress(MalformedTensorError):
            _, datatype, elements = parse(content)
            assert elements.dtype == datatype.dtype
