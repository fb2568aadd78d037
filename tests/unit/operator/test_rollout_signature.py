"""What breaks clients of a signature, and what does not."""

from typing import Any

import pytest

from onnx_operator.decide.rollout.signature_gate import breaking

Object = dict[str, Any]


def tensor(name: str = "x", datatype: str = "FP32", *shape: int) -> Object:
    return {"name": name, "datatype": datatype, "shape": list(shape or (-1, 64))}


def signature(inputs: list[Object] | None = None, outputs: list[Object] | None = None) -> Object:
    return {"inputs": inputs or [tensor()], "outputs": outputs or [tensor("y", "INT64", -1)]}


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (signature([tensor("z")]), ["input x FP32[?,64] is gone", "input z FP32[?,64] is new, and no client sends it"]),
        (signature([tensor(), tensor("mask")]), ["input mask FP32[?,64] is new, and no client sends it"]),
        (signature([tensor("x", "FP64")]), ["input x was FP32[?,64] and is FP64[?,64]: another datatype"]),
        (signature([tensor("x", "FP32", -1)]), ["input x was FP32[?,64] and is FP32[?]: another rank"]),
        (
            signature([tensor("x", "FP32", 8, 64)]),
            ["input x was FP32[?,64] and is FP32[8,64]: dimension 0 takes only 8"],
        ),
        (
            signature([tensor("x", "FP32", -1, 32)]),
            ["input x was FP32[?,64] and is FP32[?,32]: dimension 1 takes only 32"],
        ),
        (signature(None, [tensor("label", "INT64", -1)]), ["output y INT64[?] is gone"]),
        (signature(None, [tensor("y", "INT32", -1)]), ["output y was INT64[?] and is INT32[?]: another datatype"]),
        (
            signature(None, [tensor("y", "INT64", 1)]),
            ["output y was INT64[?] and is INT64[1]: dimension 0 takes only 1"],
        ),
    ],
)
def test_what_breaks_clients_is_shown(after: Object, says: list[str]) -> None:
    assert breaking(signature(), after) == says


@pytest.mark.parametrize(
    "after",
    [
        signature(),
        signature([tensor("x", "FP32", -1, -1)]),
        signature(None, [tensor("y", "INT64", -1), tensor("probabilities")]),
        signature(None, [tensor("more"), tensor("y", "INT64", -1)]),
    ],
)
def test_what_clients_do_not_notice_passes(after: Object) -> None:
    assert breaking(signature(), after) == []
