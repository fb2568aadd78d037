"""The default numbers on a real classifier: the demo's version 1 and its honest retrain, version 2."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from demo.train import PROBABILITIES, Model
from onnx_server.protocol.datatypes import Tensor
from tests.unit.server.comparison import copies, versions
from tests.unit.server.comparison.copies import Pair

SCORES = copies.spec("FP32", -1, 10, name="y")
LABELS = copies.spec("INT64", -1, name="y")
PERMUTED = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
SWAPPED = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8])
Models = dict[int, Model]

DEFECTS: dict[str, Callable[[Tensor], Tensor]] = {
    "permuted": lambda scores: scores[:, PERMUTED],
    "swapped in pairs": lambda scores: scores[:, SWAPPED],
    "upside down": lambda scores: 1 - scores,
    "all the same": lambda scores: np.full_like(scores, 0.1),
    "always a nine": lambda scores: np.eye(10, dtype=np.float32)[9:],
}


def answered(models: Models, version: int, name: str = PROBABILITIES) -> list[Tensor]:
    return versions.answers(models[version].path, list(versions.digit_requests()), name)


@pytest.fixture(scope="module")
def retrain(models: Models) -> Pair:
    return Pair(SCORES, answered(models, 1), answered(models, 2))


@pytest.fixture(scope="module")
def same(models: Models) -> Pair:
    return Pair(SCORES, answered(models, 2), answered(models, 2))


def test_an_honest_retrain_agrees_far_more_often_than_half_of_the_time(retrain: Pair) -> None:
    seen = retrain.all()
    assert seen["kind"] == "scores"
    assert copies.agreement(seen) == pytest.approx(0.91, abs=0.02)
    assert seen["learning"] == 0
    assert seen["top1"] == seen["agreed"]
    assert seen["topK"] >= 535
    assert retrain.caught(copies.retrained, runs=20) == 0
    assert retrain.caught(copies.health, runs=20) == 0


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_broken_retrain_is_caught_within_200_copies(retrain: Pair, defect: str) -> None:
    assert retrain.broken(DEFECTS[defect]).caught(copies.retrained) >= 0.99


def test_answers_that_have_nothing_to_do_with_the_request_are_caught_within_200_copies(retrain: Pair) -> None:
    assert retrain.unrelated().caught(copies.retrained) >= 0.99


def test_labels_agree_as_their_scores_do(models: Models) -> None:
    pair = Pair(LABELS, answered(models, 1, "label"), answered(models, 2, "label"))
    seen = pair.all()
    assert (seen["kind"], seen["learning"]) == ("exact", 0)
    assert copies.agreement(seen) == pytest.approx(0.91, abs=0.02)
    assert pair.broken(lambda label: (label + 1) % 10).caught(copies.retrained) >= 0.99


def test_logits_are_scores_although_an_honest_retrain_has_others(models: Models) -> None:
    logits = [[np.log(np.maximum(one, 1e-30)) for one in answered(models, version)] for version in (1, 2)]
    # A softmax's logarithm is logits, but for what it adds to all; training leaves their mean where it began.
    centred = [[one - one.mean(dtype=np.float64) for one in version] for version in logits]
    seen = Pair(SCORES, *centred).all()
    assert seen["kind"] == "scores"
    assert copies.agreement(seen) == pytest.approx(0.91, abs=0.02)


def test_half_precision_is_equal(models: Models, same: Pair) -> None:
    half = versions.half_precision(models[2].path)
    pair = Pair(SCORES, same.stable, versions.answers(half, list(versions.digit_requests()), PROBABILITIES))
    assert copies.equality(pair.all()) == 1
    # The tolerance is more than half precision needs.
    assert copies.equality(Pair(SCORES, pair.stable, pair.candidate, relative=0.003).all()) == 1


def test_eight_bits_are_a_retrain_and_not_equivalent(models: Models, same: Pair, folder: Path) -> None:
    small = versions.eight_bits(models[2].path, folder)
    pair = Pair(SCORES, same.stable, versions.answers(small, list(versions.digit_requests()), PROBABILITIES))
    assert copies.agreement(pair.all()) >= 0.99
    assert 0.75 < copies.equality(pair.all()) < 0.95
    assert pair.caught(copies.equivalent, runs=50) == 1


def test_one_wrong_weight_that_moves_one_answer_in_ten_is_caught_within_200_copies(models: Models, same: Pair) -> None:
    moved = 0
    for place in np.random.default_rng(1).integers((64, 10), size=(40, 2)).tolist():
        wrong = versions.wrong_sign(models[2].path, "coefficient1", tuple(place))
        pair = Pair(SCORES, same.stable, versions.answers(wrong, list(versions.digit_requests()), PROBABILITIES))
        # A weight of what is never seen moves nothing: nobody can tell, and nobody is harmed.
        if copies.equality(pair.all()) <= 0.9:
            moved += 1
            assert pair.caught(copies.equivalent, runs=100) >= 0.99, place
    assert moved >= 8


@pytest.mark.parametrize("percent", [-1, 1])
def test_probabilities_off_by_1_percent_are_not_equivalent(same: Pair, percent: int) -> None:
    off = same.broken(lambda scores: scores * np.float32(1 + percent / 100))
    assert off.caught(copies.equivalent) >= 0.99
    assert off.caught(copies.retrained, runs=20) == 0


def test_a_retrain_is_not_equivalent(retrain: Pair) -> None:
    assert retrain.caught(copies.equivalent, runs=50) == 1


def test_nan_and_constant_answers_are_caught_whatever_agrees(retrain: Pair) -> None:
    assert retrain.broken(lambda scores: scores * np.float32("nan")).caught(copies.health) >= 0.99
    first = retrain.candidate[0]
    assert retrain.broken(lambda _: first).caught(copies.health) >= 0.99


def test_one_nan_in_ten_answers_is_caught(retrain: Pair) -> None:
    some = [one * np.float32("nan") if place % 10 == 0 else one for place, one in enumerate(retrain.candidate)]
    assert Pair(SCORES, retrain.stable, some).caught(copies.health) >= 0.99
