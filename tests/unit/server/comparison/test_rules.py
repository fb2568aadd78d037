"""What counts as equal and as agreed, and what else is counted: each rule by itself."""

import json
import random
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from onnx_server.comparison.comparisons import Comparisons
from onnx_server.preparation import bfloat16
from onnx_server.protocol.datatypes import Tensor
from tests.unit.server.comparison import copies

RANDOM = np.random.default_rng(0)


def seen(stable: Tensor, candidate: Tensor, datatype: str = "FP32", *shape: int, times: int = 1) -> dict[str, Any]:
    made = copies.comparisons(copies.spec(datatype, *shape))
    for _ in range(times):
        copies.compare(made, stable, candidate)
    return copies.output(made)


def floats(*values: float) -> Tensor:
    return np.array([values], np.float32)


def test_an_element_is_equal_within_the_tolerance_of_itself_and_of_the_outputs_size() -> None:
    stable = np.array([100.0, 0.0])
    # 0.005 * (|a| + rms / 2.5): the rms of (100, 0) is 70.7.
    at_zero = 0.005 * (100 / np.sqrt(2) / 2.5)
    for error, outside in ((np.array([0, at_zero * 0.99]), 0), (np.array([0, at_zero * 1.01]), 1)):
        assert seen(stable, stable + error, "FP64")["outside"] == outside
    beyond = seen(stable, stable + np.array([(0.5 + at_zero) * 1.01, 0]), "FP64")
    assert (beyond["outside"], beyond["equal"], beyond["elements"]) == (1, 0, 2)
    assert beyond["maxAbsoluteError"] == pytest.approx((0.5 + at_zero) * 1.01)
    assert beyond["meanAbsoluteError"] == pytest.approx((0.5 + at_zero) * 1.01 / 2)


def test_one_percent_of_the_elements_may_be_outside_but_not_far() -> None:
    stable = np.ones((1, 1000))
    few = stable.copy()
    few[0, :10] += 0.02
    assert seen(stable, few, "FP64")["equal"] == 1
    more = stable.copy()
    more[0, :11] += 0.02
    assert seen(stable, more, "FP64")["equal"] == 0
    far = stable.copy()
    far[0, :2] += 1
    assert seen(stable, far, "FP64")["outside"] == 2
    assert seen(stable, far, "FP64")["equal"] == 0


def test_another_class_among_a_thousand_is_not_equal() -> None:
    stable = np.eye(1000, dtype=np.float32)[:1]
    assert seen(stable, np.eye(1000, dtype=np.float32)[1:2], "FP32", -1, 1000)["equal"] == 0


def test_an_absolute_tolerance_is_added() -> None:
    made = Comparisons([copies.spec("FP64")], 0.0, 0.5, False, random.Random(1))
    copies.compare(made, np.zeros(3), np.array([0.5, -0.5, 0.4]))
    assert copies.output(made)["equal"] == 1


@pytest.mark.parametrize(
    ("stable", "candidate", "broken", "outside"),
    [
        (floats(1, 2), floats(1, np.nan), 1, 1),
        (floats(1, 2), floats(np.inf, 2), 1, 1),
        (floats(np.nan, 2), floats(np.nan, 2), 0, 0),
        (floats(-np.inf, 2), floats(-np.inf, 2), 0, 0),
        (floats(-np.inf, 2), floats(np.inf, 2), 0, 1),
        (floats(np.nan, 2), floats(1, 2), 0, 1),
    ],
)
def test_nan_and_infinities(stable: Tensor, candidate: Tensor, broken: int, outside: int) -> None:
    found = seen(stable, candidate)
    assert (found["nonFinite"], found["outside"], found["equal"]) == (broken, outside, int(not outside))
    assert found["maxAbsoluteError"] == 0
    json.dumps(found, allow_nan=False)


def test_another_precision_is_compared_by_value() -> None:
    stable = floats(0.1, 2.5, -3)
    assert seen(stable, stable.astype(np.float16))["equal"] == 1
    assert seen(stable, stable.astype(np.float64))["outside"] == 0
    sent = np.zeros(stable.shape, bfloat16.SENT.dtype)
    bfloat16.bits(sent)[:] = stable.astype(ml_dtypes.bfloat16).view(np.uint16)
    assert seen(stable, sent)["equal"] == 1


def test_bfloat16_outputs_are_their_values_and_not_their_bits() -> None:
    bits = np.array([1.0, -2.0], ml_dtypes.bfloat16).view(np.uint16)
    assert seen(bits, np.array([1.0, -2.0], np.float32), "BF16")["maxAbsoluteError"] == 0
    assert seen(bits, bits ^ 0x8000, "BF16")["maxAbsoluteError"] == 4


@pytest.mark.parametrize(
    ("datatype", "stable", "candidate", "equal"),
    [
        ("INT64", np.array([3, 4]), np.array([3, 4], np.int32), 1),
        ("INT64", np.array([3, 2**53 + 1]), np.array([3, 2**53]), 0),
        ("UINT64", np.array([2**64 - 1], np.uint64), np.array([-1]), 0),
        ("BOOL", np.array([True]), np.array([False]), 0),
        ("BOOL", np.array([True]), np.array([1.0]), 1),
        ("BYTES", np.array(["a", "ß"], object), np.array(["a", "ß"], object), 1),
        ("BYTES", np.array(["a", "ß"], object), np.array([b"a", "ß".encode()], object), 1),
        ("BYTES", np.array(["a"], object), np.array(["b"], object), 0),
    ],
)
def test_labels_and_texts_are_equal_or_not(datatype: str, stable: Tensor, candidate: Tensor, equal: int) -> None:
    found = seen(stable, candidate, datatype, -1)
    assert (found["kind"], found["equal"], found["cosine"]) == ("exact", equal, None)
    assert found["maxAbsoluteError"] == 1 - equal


@pytest.mark.parametrize(
    "candidate",
    [None, np.zeros((2, 3)), np.zeros(6), np.array([["a"] * 3], object), np.zeros((1, 3), complex)],
    ids=["missing", "rows", "rank", "text", "complex"],
)
def test_what_cannot_be_compared_is_unlike(candidate: Tensor | None) -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 3))
    answer = {} if candidate is None else {"y": candidate}
    made.compare({}, {"y": np.zeros((1, 3))}, answer, 0.0)
    found = copies.output(made)
    assert (found["unlike"], found["samples"]) == (1, 0)
    assert found["maxAbsoluteError"] is None


def test_empty_outputs_are_equal_and_agree() -> None:
    found = seen(np.zeros((0, 4)), np.zeros((0, 4)), "FP64", -1, 4)
    assert (found["samples"], found["equal"], found["agreed"], found["elements"]) == (1, 1, 1, 0)


def test_scalars_are_compared() -> None:
    assert seen(np.float32(2)[()].reshape(()), np.array(3, np.float32))["maxAbsoluteError"] == 1


def test_stuck_are_the_copies_in_which_only_the_stable_versions_answer_moved() -> None:
    made = copies.comparisons(copies.spec("FP32", -1, 1))
    for stable, candidate in ((1, 1), (1, 1), (2, 1), (3, 1), (4, 2), (4, 3)):
        copies.compare(made, floats(stable), floats(candidate))
    assert (copies.output(made)["changed"], copies.output(made)["stuck"]) == (3, 2)


def test_a_constant_is_noticed_whatever_number_of_rows_requests_have() -> None:
    made = copies.comparisons(copies.spec("FP32", -1, 4))
    for rows in RANDOM.integers(1, 9, 50):
        stable = RANDOM.normal(size=(int(rows), 4)).astype(np.float32)
        copies.compare(made, stable, np.ones_like(stable))
    assert (copies.output(made)["changed"], copies.output(made)["stuck"]) == (49, 49)


def test_a_constant_is_noticed_whatever_shape_it_has() -> None:
    made = copies.comparisons(copies.spec("FP32", -1, -1, -1))
    for height, width in RANDOM.integers(1, 9, (50, 2)).tolist():
        stable = RANDOM.normal(size=(1, height, width)).astype(np.float32)
        copies.compare(made, stable, np.zeros_like(stable))
    assert (copies.output(made)["changed"], copies.output(made)["stuck"]) == (49, 49)


def test_one_row_of_a_request_says_whether_it_agrees() -> None:
    made = copies.comparisons(copies.spec("INT64", -1))
    for _ in range(2000):
        copies.compare(made, np.zeros(4, int), np.array([0, 0, 0, 1]))
    assert copies.output(made)["agreed"] == pytest.approx(1500, abs=80)
    assert copies.output(made)["equal"] == 0


def test_a_candidate_that_scores_all_classes_alike_agrees_by_chance_only() -> None:
    made = copies.comparisons(copies.spec("FP32", -1, 4))
    for place in range(400):
        copies.compare(made, np.eye(4, dtype=np.float32)[place % 4 : place % 4 + 1], np.full((1, 4), 0.25, np.float32))
    assert copies.output(made)["agreed"] == 100


def test_a_single_probability_agrees_on_its_side_of_one_half() -> None:
    for shape, declared in (((1,), (-1,)), ((1, 1), (-1, 1))):
        made = copies.comparisons(copies.spec("FP32", *declared))
        for place in range(100):
            stable, candidate = (0.9, 0.6) if place % 2 else (0.2, 0.45)
            copies.compare(made, np.full(shape, stable, np.float32), np.full(shape, candidate, np.float32))
        found = copies.output(made)
        assert (found["kind"], found["agreed"], found["top1"], found["topK"]) == ("scores", 100, 100, 100)
        copies.compare(made, np.full(shape, 0.51, np.float32), np.full(shape, 0.49, np.float32))
        assert copies.output(made)["agreed"] == 100


def test_labels_of_many_pixels_agree_if_they_are_nearer_than_unrelated_ones() -> None:
    made = copies.comparisons(copies.spec("INT64", -1, 100))
    for _ in range(60):
        stable = RANDOM.integers(0, 4, (1, 100))
        noisy = np.where(RANDOM.random((1, 100)) < 0.2, 0, stable)
        copies.compare(made, stable, noisy)
    assert (copies.output(made)["learning"], copies.output(made)["agreed"]) == (20, 40)
    for _ in range(40):
        copies.compare(made, RANDOM.integers(0, 4, (1, 100)), RANDOM.integers(0, 4, (1, 100)))
    assert copies.output(made)["agreed"] == 40


def kind_of(rows: Tensor) -> Any:
    made = copies.comparisons(copies.spec("FP64", -1, rows.shape[1]))
    for row in rows:
        copies.compare(made, row[None], row[None])
    return copies.output(made)["kind"]


def test_the_kind_is_told_by_the_outputs() -> None:
    logits = RANDOM.normal(0, 1, (40, 10)) + 8 * np.eye(10)[RANDOM.integers(0, 10, 40)]
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    embeddings = RANDOM.normal(0, 1, (40, 96))
    boxes = RANDOM.uniform(100, 500, (40, 4))
    assert kind_of(softmax) == "scores"
    assert kind_of(np.tile([0.9, 0.1], (40, 1))) == "scores"
    assert kind_of(np.log(softmax)) == "scores"
    assert kind_of(logits) == "scores"
    assert kind_of(RANDOM.uniform(0, 1, (40, 1))) == "scores"
    assert kind_of(RANDOM.uniform(0, 0.4, (40, 1))) == "values"
    assert kind_of(RANDOM.uniform(0, 2, (40, 1))) == "values"
    assert kind_of(embeddings) == "values"
    assert kind_of(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)) == "values"
    assert kind_of(boxes) == "values"
    assert kind_of(RANDOM.normal((5.0, 100.0), (1.0, 9.0), (40, 2))) == "values"


def test_the_kind_stays_what_it_was_decided_to_be() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 3))
    for _ in range(20):
        copies.compare(made, np.array([[0.2, 0.7, 0.1]]), np.array([[0.3, 0.6, 0.1]]))
    for _ in range(30):
        copies.compare(made, np.array([[20.0, 7.0, 1.0]]), np.array([[20.0, 6.0, 1.0]]))
    found = copies.output(made)
    assert (found["kind"], found["learning"], found["agreed"], found["top1"]) == ("scores", 0, 50, 50)


def test_those_who_look_get_whole_sums_while_copies_are_compared() -> None:
    made = copies.comparisons(copies.spec("FP32", -1, 3), keep=True)
    stop, found = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            found.append(copies.output(made))

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(500):
        rows = RANDOM.normal(size=(1, 3)).astype(np.float32)
        copies.compare(made, rows, rows, {"x": rows})
        made.compare_self({"y": rows}, {"y": rows * np.float32(1.0001)})
    stop.set()
    looking.join()
    assert all(one["elements"] == 3 * one["samples"] for one in found)
    assert [one["samples"] for one in found] == sorted(one["samples"] for one in found)
