"""Termination messages: valid JSON within Kubernetes' 4,096 bytes, whatever they say."""

from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from onnx_server import termination
from onnx_server.failures import Failure, Reason


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=9000) | st.just("\x01" * 9000) | st.just("é" * 5000))
def test_a_message_of_any_length_fits(text: str) -> None:
    encoded = termination.encode(termination.failed(Failure(Reason.MODEL_LOAD_FAILED, text)))
    assert len(encoded) <= 4096
    decoded = orjson.loads(encoded)
    assert decoded["result"] == "Failed"
    assert decoded["reason"] == "ModelLoadFailed"
    assert text.startswith(decoded["message"].removesuffix("…"))


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    termination.leave(tmp_path / "absent" / "log", {"result": "Fetched"})
