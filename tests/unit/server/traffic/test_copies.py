"""The form in which a request is copied, and the answer read."""

import json
from typing import Any

import numpy as np
import pytest

from onnx_server.preparation import bfloat16
from onnx_server.protocol import request as protocol_request
from onnx_server.protocol import response
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.requested_outputs import RequestedOutput
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.traffic import copies
from onnx_server.traffic.copies import UnreadableAnswerError
from onnx_server.traffic.message import Answer


def spec(name: str, datatype: str, *shape: int, also: tuple[str, ...] = ()) -> TensorSpec:
    return TensorSpec(name, BY_NAME[datatype], shape, also=tuple(BY_NAME[each] for each in also))


SIGNATURE = Signature(
    (
        spec("numbers", "FP32", -1, 2, also=("UINT8",)),
        spec("words", "BYTES", -1),
        spec("flags", "BOOL", -1),
        spec("brain", "BF16", -1),
    ),
    (spec("scores", "FP32", -1, 2), spec("labels", "BYTES", -1), spec("brain", "BF16", -1)),
)
INPUTS = {
    "numbers": np.array([[1, 2], [3, 4]], np.uint8),
    "words": np.array(["a", "größer"], dtype=object),
    "flags": np.array([True, False]),
    "brain": np.array([1, 2], "<u2"),
}


def test_a_server_reads_what_was_copied() -> None:
    made = copies.request("digits", SIGNATURE, INPUTS, 1000)
    line, *headers = made.head.decode().split("\r\n")[:-1]
    assert line == "POST /v2/models/digits/infer HTTP/1.1"
    length = int(dict(header.split(": ") for header in headers)["inference-header-content-length"])
    decoded = protocol_request.decode(made.body, length, SIGNATURE, None)
    assert decoded.inputs.keys() == INPUTS.keys()
    for name, array in INPUTS.items():
        assert decoded.inputs[name].dtype == array.dtype
        np.testing.assert_array_equal(decoded.inputs[name], array)
    assert [output.binary for output in decoded.outputs] == [True] * 3
    assert made.limit == 1000


def answered(outputs: dict[str, Any]) -> Answer:
    requested = tuple(RequestedOutput(each, binary=True) for each in SIGNATURE.outputs)
    asked = protocol_request.InferRequest(None, {}, requested, 1)
    encoded = response.encode(asked, list(outputs.values()), "digits", "2")
    headers = ((copies.LENGTH, str(encoded.header_length).encode()),)
    return Answer(200, headers, [bytes(part) for part in encoded.parts])


def test_the_outputs_of_an_answer() -> None:
    outputs = {
        "scores": np.array([[np.nan, 1.0]], np.float32),
        "labels": np.array(["one"], dtype=object),
        "brain": np.array([7], "<u2"),
    }
    found = copies.outputs(answered(outputs))
    assert found.keys() == outputs.keys()
    # Where this pod's output is of another datatype, nothing else tells bfloat16's bits from integers.
    assert found["brain"].dtype == bfloat16.SENT.dtype
    found["brain"] = bfloat16.bits(found["brain"])
    for name, array in outputs.items():
        np.testing.assert_array_equal(found[name], array)


OUTPUT = {"name": "y", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        {"outputs": None},
        {"outputs": [1]},
        {"outputs": [{}]},
        {"outputs": [OUTPUT | {"datatype": "FP8"}]},
        {"outputs": [OUTPUT | {"datatype": None}]},
        {"outputs": [OUTPUT | {"shape": 1}]},
        {"outputs": [OUTPUT | {"shape": [-1]}]},
        {"outputs": [OUTPUT | {"shape": [2]}]},
        {"outputs": [OUTPUT | {"parameters": {}}]},
        {"outputs": [OUTPUT | {"parameters": {"binary_data_size": 5}}]},
        {"outputs": [OUTPUT | {"parameters": {"binary_data_size": -4}}]},
        {"outputs": [OUTPUT | {"data": [1], "parameters": None}]},
    ],
)
def test_what_cannot_be_read(document: Any) -> None:
    header = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(UnreadableAnswerError):
        copies.outputs(Answer(200, ((copies.LENGTH, b"%d" % len(header)),), [header, b"\0\0\0\0"]))


@pytest.mark.parametrize("length", [None, b"", b"x", b"-1", b"1000"])
def test_answers_without_their_length(length: bytes | None) -> None:
    headers = () if length is None else ((copies.LENGTH, length),)
    with pytest.raises(UnreadableAnswerError):
        copies.outputs(Answer(200, headers, [b"{}"]))


def test_what_a_client_might_send() -> None:
    assert copies.fit(SIGNATURE, INPUTS)
    assert not copies.fit(SIGNATURE, {name: INPUTS[name] for name in ("numbers", "words")})
    assert not copies.fit(SIGNATURE, INPUTS | {"numbers": np.zeros((1, 3), np.float32)})
    assert not copies.fit(SIGNATURE, INPUTS | {"numbers": np.zeros((1, 2), np.float64)})


def test_a_part_of_a_batch_does_not_keep_all_of_it() -> None:
    batch = np.arange(1000.0)
    kept = copies.kept({"part": batch[2:4], "whole": batch, "reshaped": batch.reshape(10, 100)})
    assert kept["part"].base is None
    np.testing.assert_array_equal(kept["part"], [2.0, 3.0])
    assert kept["whole"] is batch
    assert kept["reshaped"].base is batch


def test_sizes() -> None:
    assert copies.size({"x": np.zeros(4, np.float32), "s": np.array(["ab", "c"], dtype=object)}) == 19
    assert copies.has_strings(INPUTS)
    assert not copies.has_strings({"x": np.zeros(1)})


def test_only_what_the_client_asked_for_is_asked_for() -> None:
    made = copies.request("digits", SIGNATURE, INPUTS, 1000, ("labels",))
    length = int(made.head.decode().partition("inference-header-content-length: ")[2].partition("\r\n")[0])
    decoded = protocol_request.decode(made.body, length, SIGNATURE, None)
    assert [(output.spec.name, output.binary) for output in decoded.outputs] == [("labels", True)]
