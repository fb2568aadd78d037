from typing import Any

import pytest

from onnx_operator.decide.signature import signature_of
from tests.unit.operator.situations import SIGNATURE


def test_a_signature_is_kept_as_it_is() -> None:
    assert signature_of(SIGNATURE) == SIGNATURE


def test_what_a_newer_server_adds_is_left_out() -> None:
    newer: dict[str, Any] = {
        "inputs": [{**SIGNATURE["inputs"][0], "optional": True}],
        "outputs": SIGNATURE["outputs"],
        "state": [],
    }
    assert signature_of(newer) == SIGNATURE


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "text",
        [],
        {},
        {"inputs": []},
        {"inputs": None, "outputs": []},
        {"inputs": [1], "outputs": []},
        {"inputs": [{"name": "x"}], "outputs": []},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": ["a"]}], "outputs": []},
        {"inputs": [{"name": "x" * 40_000, "datatype": "FP32", "shape": [1]}], "outputs": []},
    ],
)
def test_what_is_no_signature_or_too_long_to_keep_is_none(wrong: Any) -> None:
    assert signature_of(wrong) is None
