"""Repeated requests: decoded and answered as if each were the first."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.protocol import request, response
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.decoder import Decoder
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.signature import Signature, TensorSpec

FP32, INT8, BF16, BYTES, BOOL = (BY_NAME[name] for name in ("FP32", "INT8", "BF16", "BYTES", "BOOL"))
SIGNATURE = Signature(
    (TensorSpec("a", FP32, (-1, 2)), TensorSpec("b", INT8, (-1,))),
    (TensorSpec("y", FP32, (-1, 2)), TensorSpec("z", BF16, (-1,))),
)
STRINGS = Signature((TensorSpec("s", BYTES, (-1,)), TensorSpec("t", BOOL, (-1,))), (TensorSpec("s", BYTES, (-1,)),))


def body(rows: int, tail: bytes, **more: object) -> tuple[bytes, int]:
    sized = [("a", "FP32", [rows, 2], 8 * rows), ("b", "INT8", [rows], rows)]
    inputs = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}
        for name, datatype, shape, size in sized
    ]
    header = orjson.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}, **more})
    return header + tail, len(header)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.data())
def test_repeats_are_decoded_and_answered_as_the_first_is(rows: list[int], data: st.DataObject) -> None:
    decoder = Decoder(SIGNATURE, None)
    for count in rows:
        tail = data.draw(st.binary(min_size=9 * count, max_size=9 * count))
        came, length = body(count, tail)
        fresh, repeated = request.decode(came, length, SIGNATURE, None), decoder.decode(came, length)
        assert list(repeated.inputs) == ["a", "b"]
        for name, array in fresh.inputs.items():
            assert repeated.inputs[name].dtype == array.dtype
            assert repeated.inputs[name].shape == array.shape
            assert repeated.inputs[name].tobytes() == array.tobytes()
        assert (repeated.outputs, repeated.rows, repeated.id) == (fresh.outputs, fresh.rows, None)
        results = [np.arange(2 * count, dtype="<f4").reshape(count, 2), np.arange(count, dtype="<u2")]
        for _ in range(2):
            answer = response.encode(repeated, results, "m", "1")
            assert b"".join(answer.parts) == b"".join(response.encode(fresh, results, "m", "1").parts)


def test_the_limit_holds_for_repeats() -> None:
    decoder = Decoder(SIGNATURE, 2)
    for _ in range(2):
        with pytest.raises(RequestError, match="maxBatchSize is 2"):
            decoder.decode(*body(3, b"\0" * 27))


@pytest.mark.parametrize("tail", [b"", b"\0" * 17, b"\0" * 19])
def test_a_repeat_with_too_few_or_too_many_bytes_is_refused_as_the_first_would_be(tail: bytes) -> None:
    decoder = Decoder(SIGNATURE, None)
    decoder.decode(*body(2, b"\0" * 18))
    with pytest.raises(RequestError) as fresh:
        request.decode(*body(2, tail), SIGNATURE, None)
    with pytest.raises(RequestError) as repeated:
        decoder.decode(*body(2, tail))
    assert repeated.value.message == fresh.value.message


def test_ids_are_each_request_s_own() -> None:
    decoder = Decoder(SIGNATURE, None)
    for name in ("1", "2", "1"):
        assert decoder.decode(*body(1, b"\0" * 9, id=name)).id == name


def test_strings_and_booleans_are_checked_each_time() -> None:
    decoder = Decoder(STRINGS, None)
    inputs = [
        {"name": "s", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 5}},
        {"name": "t", "datatype": "BOOL", "shape": [1], "parameters": {"binary_data_size": 1}},
    ]
    header = orjson.dumps({"inputs": inputs})
    for text in ("a", "b"):
        decoded = decoder.decode(header + b"\1\0\0\0" + text.encode() + b"\1", len(header))
        assert decoded.inputs["s"].tolist() == [text]
    for tail in (b"\1\0\0\0\xff\1", b"\1\0\0\0a\2"):
        with pytest.raises(RequestError):
            decoder.decode(header + tail, len(header))


def test_tensors_in_the_json_are_read_each_time() -> None:
    signature = Signature((TensorSpec("a", FP32, (-1,)),), (TensorSpec("a", FP32, (-1,)),))
    decoder = Decoder(signature, None)
    for value in (1.0, 2.0):
        header = orjson.dumps({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [value]}]})
        for _ in range(2):
            assert decoder.decode(header, len(header)).inputs["a"].tolist() == [value]


def test_many_different_requests_are_answered_too() -> None:
    decoder = Decoder(SIGNATURE, None)
    for rows in (*range(600), 1):
        assert decoder.decode(*body(rows, b"\0" * 9 * rows)).rows == rows
