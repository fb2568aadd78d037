"""Repeated requests: decoded and answered as if each were the first."""

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.protocol import json_list, request, response
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


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="simdjson has no wheels for it")
def test_lists_are_read_by_simdjson() -> None:
    assert json_list.floats(b"[0.5, 1e-3]", np.dtype(np.float32)).tolist() == np.array([0.5, 1e-3], np.float32).tolist()


@pytest.mark.parametrize("text", [b"[[1, 2], [3, 4]]", b"[" + b"1," * 600_000 + b"1]", b"[1, 2", b"1]"])
def test_a_list_that_is_not_flat_or_very_long_is_left_to_others(text: bytes) -> None:
    assert json_list.place(b'{"data": ' + text) is None


def test_a_library_that_cannot_be_loaded_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> None:
        raise RuntimeError("Unable to import low-level simdjson bindings.")

    json_list._simdjson.cache_clear()
    monkeypatch.setattr(json_list, "import_module", broken)
    try:
        decoder, first = Decoder(LISTS, None), partial(request.decode, signature=LISTS, max_batch_size=None)
        for values in (["1", "2"], ["3.5", "4"]):
            body = listed(values, 1) % b"FP32"
            assert outcome(decoder.decode, body) == outcome(first, body)
    finally:
        json_list._simdjson.cache_clear()


LISTS = Signature((TensorSpec("x", FP32, (-1, 2)),), (TensorSpec("y", FP32, (-1, 2)), TensorSpec("z", INT8, (-1,))))
DOUBLES = Signature((TensorSpec("x", BY_NAME["FP64"], (-1, 2)),), (TensorSpec("y", FP32, (-1,)),))
SPACES = st.sampled_from(["", " ", "\n\t", "\r "])
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["-0", "-0.0", "1e-400", "1E5", "3.4028235677973366e38", "3.4028234663852886e38", "5e-324"]),
)
VALUES = NUMBERS | st.sampled_from(["true", "null", '"1"', "1e400", "01", "1.", "[1]", "[1, 2]", "NaN", "", "{}"])


def listed(values: list[str], rows: int, space: str = " ", before: str = "", after: str = "") -> bytes:
    text = f"[{space}" + f",{space}".join(values) + "]"
    described = f'"name": "x", "datatype": "%s", "shape": [{rows}, 2]'
    return f'{{{before}"inputs": [{{{described},{space}"data":{space}{text}}}]{after}}}'.encode()


def outcome(decode: Callable[[bytes, None], request.InferRequest], body: bytes) -> object:
    try:
        found = decode(body, None)
    except RequestError as error:
        return error.status, error.message
    ((name, array),) = found.inputs.items()
    return name, array.dtype, array.shape, array.tobytes(), found.outputs, found.rows, found.id, found.priority


@given(st.lists(st.tuples(st.lists(VALUES, max_size=5), st.integers(0, 2), SPACES), min_size=1, max_size=6), st.data())
def test_lists_are_read_and_refused_as_the_first_is(
    came: list[tuple[list[str], int, str]], data: st.DataObject
) -> None:
    for signature, datatype in ((LISTS, b"FP32"), (DOUBLES, b"FP64")):
        decoder, first = Decoder(signature, None), partial(request.decode, signature=signature, max_batch_size=None)
        decoder.decode(listed(["1", "2"], 1) % datatype, None)
        for values, rows, space in came:
            good = data.draw(st.lists(NUMBERS, min_size=2 * rows, max_size=2 * rows))
            for each in (values, good):
                body = listed(each, rows, space) % datatype
                assert outcome(decoder.decode, body) == outcome(first, body)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"id": "7", ', ""),
        ('"parameters": {"priority": 1}, ', ""),
        ("", ', "outputs": [{"name": "z"}]'),
        ("", ', "outputs": [{"name": "y", "parameters": {"classification": 1}}]'),
        ("", ', "outputs": [{"name": "z", "parameters": {"binary_data": true}}]'),
        ("", ', "parameters": {"binary_data_output": true}'),
        ("", ', "extra": "}], \\"data\\": [3]"'),
        ('"extra": "\\"data", "more": {"x\\"data\\": [": 3}, ', ""),
        ('"extra": {"data": [5]}, ', ""),
        ('"a\\"data": "[", "b": ["x"], ', ""),
        ('"a\\"data": "[ ]", ', ""),
        ('"a\\"data": [{"inputs": [0]}, [1]], ', ""),
        ('"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "d\\u0061ta": [8, 9]}], ', ""),
        ("", ', "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "d\\u0061ta": [8, 9]}]'),
    ],
)
def test_what_is_around_a_list_is_heeded_each_time(before: str, after: str) -> None:
    decoder, first = Decoder(LISTS, None), partial(request.decode, signature=LISTS, max_batch_size=None)
    for values in (["1", "2"], ["1", "2"], ["3.5", "4"], ["true", "4"], ["3.5", "4"]):
        for name in (b'"data":', b'"d\\u0061ta":'):
            body = (listed(values, 1, before=before, after=after) % b"FP32").replace(b' "data":', b" " + name)
            assert outcome(decoder.decode, body) == outcome(first, body)


def test_a_list_after_a_name_that_looks_like_one_is_not_mistaken() -> None:
    signature = Signature((TensorSpec('"data": [', FP32, (-1,)),), (TensorSpec("y", FP32, (-1,)),))
    decoder = Decoder(signature, None)
    for value in (1.0, 2.0):
        body = b'{"inputs": [{"name": "\\"data\\": [", "datatype": "FP32", "shape": [1], "data": [%f]}]}' % value
        for _ in range(2):
            ((_, array),) = decoder.decode(body, None).inputs.items()
            assert array.tolist() == [value]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.floats(width=32))
def test_answers_in_json_repeat_too(rows: list[int], value: float) -> None:
    signature = Signature(LISTS.inputs, (TensorSpec('"data":[]', FP32, (-1, 2)), TensorSpec("z", INT8, (-1,))))
    decoder = Decoder(signature, None)
    for count in (1, 1, *rows):
        body = listed(["1", "2"] * count, count) % b"FP32"
        fresh, repeated = request.decode(body, None, signature, None), decoder.decode(body, None)
        results = [np.full((count, 2), value, "<f4"), np.arange(count, dtype="<i1")]
        expected = b"".join(response.encode(fresh, results, "m", "1").parts)
        for _ in range(2):
            answer = response.encode(repeated, results, "m", "1")
            assert (b"".join(answer.parts), answer.header_length) == (expected, None)
