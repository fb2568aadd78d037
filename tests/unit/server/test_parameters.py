"""Parameters: what they mean, and which are refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.protocol import parameters
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.parameters import RequestParameters


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ({}, RequestParameters()),
        ({"binary_data_output": True}, RequestParameters(binary_output=True)),
        ({"binary_data_output": False}, RequestParameters()),
        ({"binary_data_output": None}, RequestParameters()),
        ({"priority": 3, "timeout": 2_500_000}, RequestParameters(priority=3, timeout=2.5)),
        ({"priority": 2**64 - 1, "timeout": 0}, RequestParameters(priority=2**64 - 1)),
        ({"sequence_id": 0, "sequence_start": False, "sequence_end": False}, RequestParameters()),
        ({"sequence_id": ""}, RequestParameters()),
        ({"mine": 1, "headers": {"a": "b"}, "tritonic": True}, RequestParameters()),
    ],
)
def test_of_a_request(given_: dict[str, object], read: RequestParameters) -> None:
    assert parameters.of_request(given_) == read


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"priority": -1}, "'priority' of the request must be an integer from 0, got -1"),
        ({"priority": 1.0}, "'priority'"),
        ({"priority": True}, "'priority'"),
        ({"timeout": "1s"}, "'timeout' of the request must be an integer of microseconds from 0, got '1s'"),
        ({"timeout": 2**64}, "'timeout'"),
        ({"binary_data_output": 1}, "'binary_data_output' of the request must be true or false, got 1"),
        ({"sequence_id": 7}, "'sequence_id' of the request is 7, and this server keeps no state"),
        ({"sequence_id": "a"}, "'sequence_id'"),
        ({"sequence_start": True}, "leave it out, or send False"),
        ({"sequence_end": True}, "'sequence_end'"),
        ({"triton_enable_empty_final_response": True}, "'triton_enable_empty_final_response'"),
        ({"shared_memory_region": "r"}, "'shared_memory_region' of the request is not supported"),
    ],
)
def test_what_a_request_may_not_say(given_: dict[str, object], words: str) -> None:
    with pytest.raises(RequestError) as refused:
        parameters.of_request(given_)
    assert refused.value.status == 400
    assert words in refused.value.message


def test_of_an_input_and_an_output() -> None:
    assert parameters.binary_size({}, "x") is None
    assert parameters.binary_size({"binary_data_size": 0, "mine": 1}, "x") == 0
    assert parameters.of_output({}, "y") == (None, 0)
    assert parameters.of_output({"binary_data": False, "classification": 3, "mine": []}, "y") == (False, 3)


@pytest.mark.parametrize("name", ["shared_memory_region", "shared_memory_byte_size", "shared_memory_offset"])
def test_shared_memory_is_refused_by_name(name: str) -> None:
    for read in (parameters.binary_size, parameters.of_output):
        with pytest.raises(RequestError, match=f"'{name}' of (in|out)put 'x' is not supported"):
            read({name: 1}, "x")


@pytest.mark.parametrize("classes", [-1, 1.5, True, "3", 2**64])
def test_a_number_of_classes_is_one(classes: object) -> None:
    with pytest.raises(RequestError, match="'classification' of output 'y' must be a number of classes"):
        parameters.of_output({"classification": classes}, "y")


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none(), max_size=2)
NAMES = st.sampled_from(["priority", "timeout", "binary_data_output", "sequence_id", "sequence_start", "sequence_end"])


@given(st.dictionaries(NAMES | st.text(max_size=8), VALUES, max_size=4))
def test_any_parameters_are_read_or_refused_with_400(given_: dict[str, object]) -> None:
    for read in (lambda: parameters.of_request(given_), lambda: parameters.of_output(given_, "y")):
        refused = None
        try:
            read()
        except RequestError as error:
            refused = error
        assert refused is None or refused.status == 400
