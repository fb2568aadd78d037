"""The copies that differed most: which, their digests, and their inputs if they are to be kept."""

import hashlib
from typing import Any

import numpy as np
import pytest

from onnx_server.comparison.worst import digest_of
from onnx_server.protocol.datatypes import Tensor
from tests.unit.server.comparison import copies


def worst(errors: list[float], keep: bool = False, size: int = 4) -> tuple[Any, Any]:
    made = copies.comparisons(copies.spec("FP64"), keep=keep)
    for place, error in enumerate(errors):
        inputs: dict[str, Tensor] = {"x": np.full(size, float(place))}
        copies.compare(made, np.array([1.0]), np.array([1.0 + error]), inputs)
    return made, made.describe()["worst"]


def test_the_five_worst_are_told_worst_first() -> None:
    _, told = worst([1, 5, 2, 8, 3, 7, 0, 4])
    assert [one["maxAbsoluteError"] for one in told] == [8, 7, 5, 4, 3]
    assert told[0]["digest"] == digest_of({"x": np.full(4, 3.0)})
    assert (told[0]["output"], told[0]["at"]) == ("y", "2025-11-28T21:00:00Z")


def test_the_same_inputs_are_told_once() -> None:
    made = copies.comparisons(copies.spec("FP64"))
    for error in (1, 3, 2):
        copies.compare(made, np.array([1.0]), np.array([1.0 + error]), {"x": np.zeros(2)})
    told: Any = made.describe()["worst"]
    assert [one["maxAbsoluteError"] for one in told] == [3]


def test_equal_outputs_are_no_worst() -> None:
    assert worst([0, 0])[1] == []


def test_nan_is_worse_than_any_number() -> None:
    _, told = worst([1e300, float("nan"), 5])
    assert [one["maxAbsoluteError"] for one in told] == [np.finfo(np.float64).max, 1e300, 5]


def test_inputs_are_kept_only_if_that_is_asked_for() -> None:
    made, told = worst([1, 2])
    assert made.kept(told[0]["digest"]) is None
    made, told = worst([1, 2], keep=True)
    kept = made.kept(told[0]["digest"])
    np.testing.assert_array_equal(kept["x"], np.full(4, 1.0))
    assert made.kept("sha256:0") is None


def test_kept_inputs_are_copies() -> None:
    made = copies.comparisons(copies.spec("FP64"), keep=True)
    array = np.zeros(3)
    copies.compare(made, np.array([1.0]), np.array([2.0]), {"x": array})
    digest = digest_of({"x": array})
    array[:] = 7
    kept = made.kept(digest)
    assert kept is not None
    assert kept["x"].sum() == 0


def test_large_inputs_are_not_kept_but_their_digest_is() -> None:
    made, told = worst([1, 2, 3], keep=True, size=500_000)
    kept = [one for one in told if made.kept(one["digest"]) is not None]
    assert (len(told), len(kept)) == (3, 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": np.zeros(2)}, {"y": np.zeros(2)}),
        ({"x": np.zeros(2)}, {"x": np.zeros(2, np.float32)}),
        ({"x": np.zeros((1, 2))}, {"x": np.zeros((2, 1))}),
        ({"x": np.array(["a", "b"], object)}, {"x": np.array(["ab", ""], object)}),
        ({"x": np.zeros(2)}, {"x": np.zeros(2), "y": np.zeros(0)}),
    ],
    ids=["name", "dtype", "shape", "text", "none"],
)
def test_the_digest_is_of_names_datatypes_shapes_and_values(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert digest_of(one) != digest_of(other)
    assert digest_of(one) == digest_of(dict(reversed(list(one.items()))))


def test_the_digest_can_be_computed_by_anybody() -> None:
    parts = [b"x", b"<f4", b"(2,)", np.array([1, 2], "<f4").tobytes()]
    expected = hashlib.sha256(b"".join(len(part).to_bytes(8, "little") + part for part in parts)).hexdigest()
    assert digest_of({"x": np.array([1, 2], np.float32)}) == f"sha256:{expected}"
    assert digest_of({"x": np.array([1, 7, 2, 7], np.float32)[::2]}) == f"sha256:{expected}"
