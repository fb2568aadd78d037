"""JSON tensors: round trips through orjson, as the routes use it, and refusals that name the input."""

import json

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onnx_server.protocol import json_tensor
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.errors import RequestError

IN_JSON = [datatype for datatype in BY_NAME.values() if datatype.in_json and datatype.name != "BYTES"]
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


@given(st.data(), st.sampled_from(IN_JSON), SHAPES, st.booleans())
def test_numbers_round_trip_flat_and_nested(data: st.DataObject, datatype, shape, nested: bool) -> None:
    finite = {"allow_nan": False, "allow_infinity": False} if datatype.dtype.kind == "f" else {}
    array = data.draw(hnp.arrays(datatype.dtype, shape, elements=hnp.from_dtype(datatype.dtype, **finite)))
    encoded = orjson.dumps(json_tensor.encode("y", datatype, array), option=orjson.OPT_SERIALIZE_NUMPY)
    values = array.tolist() if nested else orjson.loads(encoded)
    decoded = json_tensor.decode("x", datatype, shape, values)
    assert decoded.dtype == datatype.dtype
    np.testing.assert_array_equal(decoded, array)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_strings_round_trip(values: list[str]) -> None:
    array = json_tensor.decode("x", BY_NAME["BYTES"], (len(values),), values)
    assert json.loads(orjson.dumps(json_tensor.encode("y", BY_NAME["BYTES"], array))) == values


def test_nested_strings_keep_their_places() -> None:
    array = json_tensor.decode("x", BY_NAME["BYTES"], (2, 2), [["a", "b"], ["c", "d"]])
    assert array.tolist() == [["a", "b"], ["c", "d"]]


def test_large_integers_beside_small_ones_keep_every_digit() -> None:
    array = json_tensor.decode("x", BY_NAME["UINT64"], (3, 1), [[0], [2**64 - 1], [2**53 + 1]])
    assert array.tolist() == [[0], [2**64 - 1], [2**53 + 1]]


def test_integers_are_welcome_as_floats() -> None:
    assert json_tensor.decode("x", BY_NAME["FP32"], (2,), [1, 2.5]).tolist() == [1.0, 2.5]


def test_the_extremes_of_64_bits_keep_every_digit() -> None:
    low, high = -(2**63), 2**63 - 1
    assert json_tensor.decode("x", BY_NAME["INT64"], (3,), [low, 0, high]).tolist() == [low, 0, high]
    encoded = json_tensor.encode("y", BY_NAME["UINT64"], np.array([0, 2**64 - 1], "<u8"))
    assert orjson.dumps(encoded, option=orjson.OPT_SERIALIZE_NUMPY) == b"[0,18446744073709551615]"


def test_a_long_string_among_numbers_takes_no_memory() -> None:
    # numpy would make each of a million elements as wide as the longest.
    with pytest.raises(RequestError, match="needs numbers"):
        json_tensor.decode("x", BY_NAME["FP32"], (10**6,), ["a" * 10**7] + [1.0] * (10**6 - 1))


def test_deep_nesting_beside_many_values_takes_no_time() -> None:
    deep: object = "a"
    for _ in range(900):
        deep = [deep]
    values = ["a"] * 10**6
    with pytest.raises(RequestError, match="neither flat nor evenly nested"):
        json_tensor.decode("x", BY_NAME["BYTES"], (10**6,), [["a"], deep])
    with pytest.raises(RequestError, match="got values of different kinds"):
        json_tensor.decode("x", BY_NAME["BYTES"], (10**6,), [*values, deep])


def test_nan_becomes_null() -> None:
    array = np.array([np.nan, np.inf, 1], dtype="<f4")
    encoded = orjson.dumps(json_tensor.encode("y", BY_NAME["FP32"], array), option=orjson.OPT_SERIALIZE_NUMPY)
    assert encoded == b"[null,null,1.0]"


@pytest.mark.parametrize(
    ("name", "shape", "data", "words"),
    [
        ("FP32", (1,), ["a"], "FP32 needs numbers in 'data', got strings"),
        ("FP32", (2,), [1, "a"], "needs numbers"),
        ("FP32", (1,), [None], "needs numbers in 'data', got values of different kinds"),
        ("FP32", (1,), [True], "needs numbers in 'data', got booleans"),
        ("FP32", (1,), [{}], "needs numbers"),
        ("FP32", (3,), [0.5, 1, True], "needs numbers in 'data', got values of different kinds (value 2 is a boolean)"),
        ("INT64", (2,), [0, False], "needs integers in 'data', got values of different kinds (value 1 is a boolean)"),
        ("BOOL", (2,), [True, 1], "needs booleans in 'data', got values of different kinds (value 1 is an integer)"),
        ("FP32", (2, 1), [["a"], ["b"]], "needs numbers in 'data', got strings (value 0 is a string)"),
        ("FP32", (2, 1), [[1], 2], "neither flat nor evenly nested"),
        ("INT64", (2,), [1, 1e30], "needs integers in 'data', got numbers (value 1 is a number)"),
        ("UINT64", (1,), [2.0**64], "needs integers"),
        ("FP32", (1,), [1e39], "outside of FP32"),
        ("FP32", (2,), [1.0], "shape [2] needs 2 values in 'data', got 1"),
        ("FP32", (2, 2), [[1, 2], [3]], "neither flat nor evenly nested"),
        ("FP32", (4, 1), [[1, 2], [3, 4]], "nested as [2, 2], but the shape is [4, 1]"),
        ("FP32", (1,), 1.0, "must be a list, got a number"),
        ("FP32", (1,), None, "must be a list, got null"),
        ("INT64", (1,), [1.5], "needs integers in 'data', got numbers"),
        ("INT8", (2,), [1, 128], "a value in 'data', 128, is outside of INT8"),
        ("UINT8", (2,), [1, -1], "a value in 'data', -1, is outside of UINT8"),
        ("INT64", (1,), [2**63], "a value in 'data', 9223372036854775808, is outside of INT64"),
        ("UINT64", (2,), [-1, 2**64 - 1], "a value in 'data', -1, is outside of UINT64"),
        ("BOOL", (1,), [1], "needs booleans in 'data', got integers"),
        ("BYTES", (1,), [1], "BYTES needs strings in 'data', got integers (value 0 is an integer)"),
        ("FP16", (1,), [1.0], "FP16 has no JSON form"),
        ("BF16", (1,), [1.0], "BF16 has no JSON form"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, shape: tuple[int, ...], data: object, words: str) -> None:
    with pytest.raises(RequestError, match="input 'x'") as refused:
        json_tensor.decode("x", BY_NAME[name], shape, data)
    assert refused.value.status == 400
    assert words in refused.value.message
