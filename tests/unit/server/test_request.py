"""Requests: every field that can be wrong is named in a 400."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.protocol import request
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.signature import Signature, TensorSpec

FP32, INT64, FP16 = BY_NAME["FP32"], BY_NAME["INT64"], BY_NAME["FP16"]
ONE = Signature((TensorSpec("x", FP32, (-1, 2)),), (TensorSpec("y", FP32, (-1, 2)), TensorSpec("h", FP16, (-1,))))
TWO = Signature((TensorSpec("a", FP32, (-1,)), TensorSpec("b", INT64, (2,))), (TensorSpec("y", FP32, (-1,)),))
X = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
Y = [{"name": "y"}]


def decode(document: object, signature: Signature = ONE, limit: int | None = None) -> request.InferRequest:
    return request.decode(orjson.dumps(document), None, signature, limit)


def binary(document: object, tail: bytes, signature: Signature = ONE) -> request.InferRequest:
    header = orjson.dumps(document)
    return request.decode(header + tail, len(header), signature, None)


def x(**changes: object) -> dict[str, object]:
    changed = {"inputs": [{**X, **changes}], "outputs": Y}
    return {**changed, "inputs": [{k: v for k, v in changed["inputs"][0].items() if v is not ...}]}


def test_json() -> None:
    decoded = decode({"id": "7", **x()})
    assert decoded.id == "7"
    assert decoded.inputs["x"].tolist() == [[1.0, 2.0]]
    assert [(output.spec.name, output.binary) for output in decoded.outputs] == [("y", False)]


def test_outputs_keep_the_order_asked_for() -> None:
    asked = [{"name": "h", "parameters": {"binary_data": True}}, {"name": "y", "parameters": {"binary_data": False}}]
    decoded = decode({**x(), "outputs": asked})
    assert [(output.spec.name, output.binary) for output in decoded.outputs] == [("h", True), ("y", False)]


def test_binary_data_output_is_the_default_of_all_outputs() -> None:
    decoded = decode({"inputs": [X], "parameters": {"binary_data_output": True}})
    assert [(output.spec.name, output.binary) for output in decoded.outputs] == [("y", True), ("h", True)]


def test_binary_inputs_follow_in_the_order_of_the_json() -> None:
    b = {"name": "b", "datatype": "INT64", "shape": [2], "parameters": {"binary_data_size": 16}}
    a = {"name": "a", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}
    tail = np.array([5, 6], "<i8").tobytes() + np.array([7], "<f4").tobytes()
    decoded = binary({"inputs": [b, a]}, tail, TWO)
    assert decoded.inputs["b"].tolist() == [5, 6]
    assert decoded.inputs["a"].tolist() == [7]


def test_json_and_binary_inputs_may_be_mixed() -> None:
    a = {"name": "a", "datatype": "FP32", "shape": [1], "data": [7]}
    b = {"name": "b", "datatype": "INT64", "shape": [2], "parameters": {"binary_data_size": 16}}
    assert binary({"inputs": [a, b]}, np.array([5, 6], "<i8").tobytes(), TWO).inputs["a"].tolist() == [7]


def test_no_elements_in_binary_form_need_no_header() -> None:
    # What kserve's client makes of a tensor without elements.
    entry = x(shape=[0, 2], data=None, parameters={"binary_data_size": 0})
    assert decode(entry).inputs["x"].shape == (0, 2)
    assert binary(entry, b"").inputs["x"].shape == (0, 2)


def test_what_came_is_cut_short_in_an_error() -> None:
    for document in (
        x(name="n" * 10**6),
        {**x(), "id": [0] * 10**6},
        x(shape=["s" * 10**6] * 50),
        {"inputs": {"a": x()}},
    ):
        with pytest.raises(RequestError) as refused:
            decode(document)
        assert len(refused.value.message) < 2500


def test_raw_body_is_the_one_input() -> None:
    decoded = request.decode(np.arange(6, dtype="<f4").tobytes(), 0, ONE, None)
    assert decoded.inputs["x"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert all(output.binary for output in decoded.outputs)
    assert decoded.rows == 3


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "must be a JSON object"),
        ({}, "'inputs' must be a list, got nothing"),
        ({"inputs": {}}, "'inputs' must be a list"),
        ({"inputs": []}, "'inputs' lacks ['x']"),
        ({"inputs": [1]}, "'inputs[0]' must be an object"),
        ({"inputs": [{"name": 3}]}, "'inputs[0]'"),
        ({"inputs": [X, X]}, "input 'x' is given twice"),
        (x(name="z"), "input 'z' is unknown: the model has ['x']"),
        (x(datatype="FP64"), "input 'x': the model takes FP32, got FP64"),
        (x(datatype="FLOAT"), "'datatype' must be one of BOOL"),
        (x(datatype=...), "'datatype' must be one of"),
        (x(shape=[1, 3]), "the model takes shape [-1, 2], got [1, 3]"),
        (x(shape=[2]), "the model takes shape [-1, 2], got [2]"),
        (x(shape=[-1, 2]), "'shape' must be a list of integers"),
        (x(shape=[1.0, 2]), "'shape' must be a list of integers"),
        (x(shape=[True, 2]), "'shape' must be a list of integers"),
        (x(shape="1,2"), "'shape' must be a list of integers"),
        (x(shape=[2**48, 2]), "too large"),
        (x(data=...), "neither 'data' nor the parameter 'binary_data_size'"),
        (x(parameters={"binary_data_size": 8}), "both 'data' and"),
        (x(data=..., parameters={"binary_data_size": 8}), "Inference-Header-Content-Length is missing"),
        (x(parameters=[]), "'parameters' of input 'x' must be an object"),
        (x(parameters={"shared_memory_region": "r"}), "'shared_memory_region' of input 'x' is not supported"),
        ({**x(), "id": 42}, "'id' must be a string, got 42"),
        ({**x(), "parameters": {"binary_data_output": 1}}, "'binary_data_output' of the request must be true or false"),
        ({**x(), "outputs": [{"name": "q"}]}, "output 'q' is unknown: the model has ['h', 'y']"),
        ({**x(), "outputs": Y + Y}, "output 'y' is asked for twice"),
        ({**x(), "outputs": "y"}, "'outputs' must be a list"),
        ({**x(), "outputs": None}, "output 'h': FP16 has no JSON form"),
        ({**x(), "outputs": [{"name": "y", "parameters": {"classification": -1}}]}, "'classification' of output 'y'"),
        ({**x(), "outputs": [{"name": "y", "parameters": {"binary_data": "yes"}}]}, "must be true or false"),
    ],
)
def test_a_bad_request_names_the_field(document: object, words: str) -> None:
    with pytest.raises(RequestError) as refused:
        decode(document)
    assert refused.value.status == 400
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("size", "tail", "words"),
    [
        (8, b"\0" * 7, "binary_data_size is 8, but 7 bytes are left"),
        (4, b"\0" * 8, "FP32 of shape [1, 2] has 8 bytes, got 4"),
        (8, b"\0" * 9, "1 bytes more than"),
        ("8", b"\0" * 8, "'binary_data_size' must be a number of bytes"),
        (-8, b"\0" * 8, "'binary_data_size' must be a number of bytes"),
    ],
)
def test_bad_binary_sizes_are_refused(size: object, tail: bytes, words: str) -> None:
    with pytest.raises(RequestError) as refused:
        binary(x(data=..., parameters={"binary_data_size": size}), tail)
    assert refused.value.status == 400
    assert words in refused.value.message


@pytest.mark.parametrize(("body", "length"), [(b"", None), (b"{", None), (b"{}", 99), (b"\xff\xfe", None)])
def test_bodies_that_are_not_json(body: bytes, length: int | None) -> None:
    with pytest.raises(RequestError) as refused:
        request.decode(body, length, ONE, None)
    assert refused.value.status == 400


def test_rows_are_limited_where_the_first_dimension_is_dynamic() -> None:
    document = x(shape=[3, 2], data=[1, 2, 3, 4, 5, 6])
    assert decode(document, limit=3).rows == 3
    with pytest.raises(RequestError, match="3 rows, and maxBatchSize is 2"):
        decode(document, limit=2)


def test_a_fixed_first_dimension_is_no_batch() -> None:
    fixed = Signature((TensorSpec("x", FP32, (4,)),), (TensorSpec("y", FP32, (4,)),))
    document = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [4], "data": [1, 2, 3, 4]}]}
    assert decode(document, fixed, limit=2).rows == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.sampled_from(["x", "FP32", "y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["inputs", "outputs", "name", "shape", "datatype", "data", "parameters", "id"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON, st.none() | st.integers(0, 200), st.binary(max_size=20))
def test_any_document_is_decoded_or_refused_with_400(document: object, length: int | None, tail: bytes) -> None:
    refused = None
    try:
        request.decode(orjson.dumps(document) + tail, length, ONE, 4)
    except RequestError as error:
        refused = error
    assert refused is None or (refused.status == 400 and refused.message)
