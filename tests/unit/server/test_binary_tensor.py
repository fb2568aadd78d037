"""Binary tensors: what is encoded decodes to the same, and what does not fit is refused by name."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onnx_server.protocol import binary_tensor
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.errors import RequestError

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
NUMERIC = [datatype for datatype in BY_NAME.values() if datatype.name != "BYTES"]


@given(st.data(), st.sampled_from(NUMERIC), SHAPES)
def test_numbers_round_trip(data: st.DataObject, datatype, shape) -> None:
    array = data.draw(hnp.arrays(datatype.dtype, shape))
    encoded = binary_tensor.encode(datatype, array)
    assert len(encoded) == array.size * datatype.size
    decoded = binary_tensor.decode("x", datatype, shape, memoryview(bytes(encoded)))
    assert decoded.dtype == datatype.dtype
    assert decoded.shape == array.shape
    assert decoded.tobytes() == array.tobytes()


@given(st.data(), SHAPES)
def test_strings_round_trip(data: st.DataObject, shape) -> None:
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        array[index] = data.draw(st.text(st.characters(exclude_categories=["Cs"])))
    encoded = binary_tensor.encode(BY_NAME["BYTES"], array)
    decoded = binary_tensor.decode("x", BY_NAME["BYTES"], shape, memoryview(bytes(encoded)))
    assert decoded.shape == array.shape
    assert decoded.tolist() == array.tolist()


def test_a_result_that_is_not_contiguous_is_encoded_in_row_major_order() -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3).T
    assert bytes(binary_tensor.encode(BY_NAME["FP32"], array)) == np.ascontiguousarray(array).tobytes()


def test_unaligned_data_becomes_an_aligned_array() -> None:
    body = b"{" + np.arange(4, dtype="<f8").tobytes()
    array = binary_tensor.decode("x", BY_NAME["FP64"], (4,), memoryview(body)[1:])
    assert array.flags.aligned
    assert array.tolist() == [0, 1, 2, 3]


def test_aligned_data_is_not_copied() -> None:
    backing = np.arange(4, dtype="<f4")
    array = binary_tensor.decode("x", BY_NAME["FP32"], (2, 2), memoryview(backing.tobytes()))
    assert array.base is not None
    assert not array.flags.owndata


@pytest.mark.parametrize(
    ("name", "shape", "data", "words"),
    [
        ("FP32", (2,), b"\0" * 7, "FP32 of shape [2] has 8 bytes, got 7"),
        ("INT8", (2, 0), b"\0", "has 0 bytes, got 1"),
        ("BOOL", (2,), b"\x00\x02", "0 or 1"),
        ("BYTES", (2,), struct.pack("<I", 1) + b"a", "at least 8 bytes"),
        ("BYTES", (1,), struct.pack("<I", 9) + b"abc", "element 0 has 9 bytes, but 3 are left"),
        ("BYTES", (2,), struct.pack("<I", 4) + b"abcd", "the data ends before BYTES element 1 of 2"),
        ("BYTES", (1,), struct.pack("<I", 1) + b"ab", "1 bytes are left"),
        ("BYTES", (1,), struct.pack("<I", 1) + b"\xff", "element 0 is not UTF-8"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, shape: tuple[int, ...], data: bytes, words: str) -> None:
    with pytest.raises(RequestError, match="input 'x'") as refused:
        binary_tensor.decode("x", BY_NAME[name], shape, memoryview(data))
    assert refused.value.status == 400
    assert words in refused.value.message


def test_a_hostile_shape_allocates_nothing() -> None:
    with pytest.raises(RequestError, match="at least"):
        binary_tensor.decode("x", BY_NAME["BYTES"], (2**40,), memoryview(b"\0" * 8))
