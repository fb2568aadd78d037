"""A stable version that disagrees with itself: seen, and never the candidate's failure."""

import json

import numpy as np
import pytest

from onnx_server.protocol.datatypes import Tensor
from tests.unit.server.comparison import copies

RANDOM = np.random.default_rng(0)


def values(noise: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return an output twice as the stable version gives it, and as an equal candidate does."""
    exact = RANDOM.normal(10, 2, (1, 8))
    one, other, candidate = (exact * (1 + noise * RANDOM.normal(size=(1, 8))) for _ in range(3))
    return one, other, candidate


def test_without_noise_nothing_changes() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 8))
    for _ in range(50):
        stable, _, _ = values(0)
        made.compare_self({"y": stable}, {"y": stable.copy()})
        copies.compare(made, stable, stable * 1.01)
    found = copies.output(made)
    assert (found["self"], found["noise"], found["equal"]) == (copies.twice(50), 0.0, 0)


@pytest.mark.parametrize("noise", [0.003, 0.02, 0.1])
def test_a_candidate_with_the_stable_versions_own_noise_is_equal(noise: float) -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 8))
    for _ in range(300):
        one, other, candidate = values(noise)
        made.compare_self({"y": one}, {"y": other})
        copies.compare(made, one, candidate)
    found = copies.output(made)
    assert found["equal"] >= 297
    assert found["self"]["samples"] == 300
    assert found["noise"] > 1
    if noise >= 0.02:
        assert found["self"]["equal"] < 100


def test_noise_is_told_in_tolerances_with_its_safety_factor() -> None:
    made = copies.comparisons(copies.spec("FP64"))
    # The tolerance of a single value is 0.005 * 1.4 of it.
    made.compare_self({"y": np.array([100.0])}, {"y": np.array([100.7 - 1e-9])})
    assert copies.output(made)["noise"] == pytest.approx(3)
    assert copies.output(made)["self"] == {"samples": 1, "equal": 1, "judged": 0, "agreed": 0}


def test_noise_is_forgotten() -> None:
    made = copies.comparisons(copies.spec("FP64"))
    made.compare_self({"y": np.array([100.0])}, {"y": np.array([300.0])})
    for _ in range(64):
        made.compare_self({"y": np.array([100.0])}, {"y": np.array([100.0])})
    assert copies.output(made)["noise"] == 0


@pytest.mark.parametrize(
    "second", [None, np.zeros((2, 8)), np.full((1, 8), np.nan)], ids=["missing", "other shape", "NaN"]
)
def test_a_stable_version_that_cannot_be_compared_with_itself_fails_no_candidate(second: Tensor | None) -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 8))
    for _ in range(40):
        one, _, candidate = values(0.5)
        made.compare_self({"y": one}, {} if second is None else {"y": second})
        copies.compare(made, one, candidate)
    found = copies.output(made)
    assert found["self"]["equal"] == 0
    assert found["noise"] == 1e6
    assert found["equal"] == 40
    json.dumps(found, allow_nan=False)


def test_with_no_tolerance_at_all_noise_still_fails_no_candidate() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 8), relative=0.0)
    for _ in range(40):
        one, other, candidate = values(1e-6)
        made.compare_self({"y": one}, {"y": other})
        copies.compare(made, one, candidate)
    assert copies.output(made)["equal"] == 40


def test_labels_that_the_stable_version_throws_dice_for_fail_no_candidate() -> None:
    made = copies.comparisons(copies.spec("INT64", -1))
    for _ in range(200):
        one, other, candidate = RANDOM.integers(0, 10, (3, 1))
        made.compare_self({"y": one}, {"y": other})
        copies.compare(made, one, candidate)
    found = copies.output(made)
    assert found["equal"] >= 195
    assert found["agreed"] >= 185
    assert found["self"]["equal"] < 50


def test_outputs_of_pure_noise_agree() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 8))
    for _ in range(100):
        one, other, candidate = RANDOM.normal(size=(3, 1, 8))
        made.compare_self({"y": one}, {"y": other})
        copies.compare(made, one, candidate)
    found = copies.output(made)
    assert found["agreed"] >= 0.85 * (found["samples"] - found["learning"])


def test_runs_from_before_anything_was_learned_are_judged_later() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 8))
    for copy in range(30):
        one, other, candidate = values(0.02)
        if copy < 10:
            made.compare_self({"y": one}, {"y": other})
            assert copies.output(made)["self"]["judged"] == 0
        copies.compare(made, one, candidate)
    assert copies.output(made)["self"] == {"samples": 10, "equal": 0, "judged": 10, "agreed": 10}


def test_so_are_those_of_scores() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 10))
    for _ in range(10):
        one, other = np.eye(10)[RANDOM.permutation(10)[:2]]
        made.compare_self({"y": one[None]}, {"y": other[None]})
    for copy in range(25):
        copies.compare(made, np.eye(10)[copy % 10][None], np.eye(10)[copy % 10][None])
    assert copies.output(made)["self"] == {"samples": 10, "equal": 0, "judged": 10, "agreed": 0}


def test_a_version_that_is_always_the_same_agrees_with_itself_before_anything_was_learned() -> None:
    for made, answer in (
        (copies.comparisons(copies.spec("FP32", -1, 4)), np.array([[1.0, np.nan, 2.0, 3.0]], np.float32)),
        (copies.comparisons(copies.spec("INT64", -1)), np.array([3])),
        (copies.comparisons(copies.spec("FP32", -1, 4)), np.zeros((0, 4), np.float32)),
    ):
        made.compare_self({"y": answer}, {"y": answer.copy()})
        assert copies.output(made)["self"] == copies.twice(1)
