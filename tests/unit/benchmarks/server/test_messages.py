"""Requests are what the protocol says, and answers are found in both encodings."""

import json

import numpy as np
import pytest

from benchmarks.server.answers import compare
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.messages import HEADER_LENGTH, answer, as_json, binary

ROWS = np.array([[0.1, -2.0, 3e-7]], np.float32)


def test_a_binary_request_has_its_tensor_behind_the_json() -> None:
    message = binary(ROWS)
    length = int(message.headers[HEADER_LENGTH])
    head = json.loads(message.body[:length])
    assert head["inputs"][0] == {
        "name": "x",
        "shape": [1, 3],
        "datatype": "FP32",
        "parameters": {"binary_data_size": 12},
    }
    assert head["parameters"] == {"binary_data_output": True}
    assert np.array_equal(np.frombuffer(message.body[length:], np.float32), ROWS[0])


def test_json_has_as_many_digits_as_a_float32_needs() -> None:
    body = as_json(ROWS).body
    assert b"[0.1, -2.0, 3e-07]" in body
    assert np.array_equal(np.asarray(json.loads(body)["inputs"][0]["data"], np.float32), ROWS[0])


def test_answers_are_found_in_both_encodings() -> None:
    described = {"name": "y", "datatype": "FP32", "shape": [1, 3]}
    plain = json.dumps({"outputs": [{**described, "data": [[0.5, 1.0, 2.0]]}]}).encode()
    assert answer({}, plain).tolist() == [0.5, 1.0, 2.0]
    head = json.dumps({"outputs": [{**described, "parameters": {"binary_data_size": 12}}]}).encode()
    body = head + np.array([0.5, 1.0, 2.0], "<f4").tobytes()
    assert answer({HEADER_LENGTH.lower(): str(len(head))}, body).tolist() == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("body", [b"", b'{"error": "no"}', b'{"outputs": []}', b"<html>"])
def test_what_is_no_answer_is_told(body: bytes) -> None:
    with pytest.raises(BenchmarkError, match="not an answer of the protocol"):
        answer({}, body)


def test_an_output_of_another_name_is_told() -> None:
    body = b'{"outputs": [{"name": "z", "datatype": "FP32", "shape": [1], "data": [1.0]}]}'
    with pytest.raises(BenchmarkError, match="expected y of FP32, got z of FP32"):
        answer({}, body)


def test_answers_may_differ_by_the_order_of_sums_and_no_more() -> None:
    expected = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    compare([expected[0] * np.float32(1.0001), expected[1]], expected)
    with pytest.raises(BenchmarkError, match="answer 0 is wrong"):
        compare([expected[1], expected[0]], expected)  # mixed up
    with pytest.raises(BenchmarkError, match="answer 1 is wrong"):
        compare([expected[0], expected[1][:1]], expected)
