"""The classification extension against a plain definition of it, for every datatype that has an order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onnx_server.protocol import classification, request, response
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.requested_outputs import RequestedOutput
from onnx_server.protocol.signature import TensorSpec

ORDERED = [datatype for datatype in BY_NAME.values() if datatype.name not in {"BYTES", "BOOL", "BF16"}]
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


@given(st.data(), st.sampled_from(ORDERED), SHAPES, st.integers(1, 6), st.booleans())
def test_each_row_has_its_highest_values_in_order(data: st.DataObject, datatype, shape, count: int, batches) -> None:
    array = data.draw(hnp.arrays(datatype.dtype, shape))
    answered = classification.strongest(datatype, array, count, batches=batches)
    rows = array.reshape(shape[0], -1) if array.size else np.empty((shape[0], 0))
    rows = rows if batches else array.reshape(1, -1)
    classes = min(count, rows.shape[1])
    assert answered.shape == ((shape[0], classes) if batches else (classes,))
    for row, strings in zip(rows, answered.reshape(len(rows), classes), strict=True):
        values = row.tolist()
        # Python's sort is stable.
        expected = sorted(range(len(values)), key=lambda i: -values[i])[:classes]
        if not any(math.isnan(value) for value in values):
            assert [int(text.rpartition(":")[2]) for text in strings] == expected
        for text in strings:
            value, _, index = text.rpartition(":")
            np.testing.assert_array_equal(datatype.dtype.type(value), row[int(index)])


def test_bfloat16_is_read_as_the_numbers_it_is() -> None:
    # 1.0, -2.0 and 3.0
    bits = np.array([[0x3F80, 0xC000, 0x4040]], dtype="<u2")
    assert classification.strongest(BY_NAME["BF16"], bits, 2, batches=True).tolist() == [["3.0:2", "1.0:0"]]


def test_what_has_no_element_has_no_class() -> None:
    fp32 = BY_NAME["FP32"]
    assert classification.strongest(fp32, np.zeros((0, 3), "<f4"), 2, batches=True).shape == (0, 0)
    assert classification.strongest(fp32, np.zeros((2, 0), "<f4"), 2, batches=True).shape == (2, 0)
    assert classification.strongest(fp32, np.zeros(0, "<f4"), 2, batches=False).shape == (0,)


def test_not_a_number_comes_last_and_the_first_of_equals_first() -> None:
    row = np.array([[np.nan, 0.1, 7, 7, -np.inf]], "<f4")
    texts = classification.strongest(BY_NAME["FP32"], row, 9, batches=True).tolist()
    assert texts == [["7.0:2", "7.0:3", "0.1:1", "-inf:4", "nan:0"]]


@pytest.mark.parametrize("name", ["BYTES", "BOOL"])
def test_outputs_without_an_order_are_refused_by_name(name: str) -> None:
    with pytest.raises(RequestError, match=f"output 'y' is {name}") as refused:
        classification.check("y", BY_NAME[name])
    assert refused.value.status == 400


@pytest.mark.parametrize("binary", [False, True])
def test_the_answer_has_strings_in_either_form(binary: bool) -> None:
    spec = TensorSpec("y", BY_NAME["FP16"], (-1, 3))
    asked = request.InferRequest(None, {}, (RequestedOutput(spec, binary, 2),), 1)
    answer = response.encode(asked, [np.array([[1, 3, 2], [9, 7, 8]], "<f2")], "m", "1")
    body = b"".join(answer.parts)
    head = b'{"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"BYTES","shape":[2,2],'
    assert body.startswith(head)
    if binary:
        assert body.endswith(b"\x05\0\0\x003.0:1\x05\0\0\x002.0:2\x05\0\0\x009.0:0\x05\0\0\x008.0:2")
        assert b'"binary_data_size":36' in body
    else:
        assert body.endswith(b'"data":["3.0:1","2.0:2","9.0:0","8.0:2"]}]}')
