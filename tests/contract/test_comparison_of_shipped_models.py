"""The default numbers of comparing outputs on real detectors and a real embedding, which packages ship.

What the numbers are is in docs/analysis.md; classifiers and regressors are in tests/unit/server/comparison/.
"""

from pathlib import Path

import numpy as np
import pytest

from onnx_server.protocol.datatypes import Tensor
from tests.contract import real_requests
from tests.contract.shipped_models import shipped
from tests.unit.server.comparison import copies, versions
from tests.unit.server.comparison.copies import Pair

TEXTS = copies.spec("FP32", -1, 1, -1, -1)
SOUNDS = copies.spec("FP32", -1, 1, 1, 96)
PEOPLE = copies.spec("FP32", -1, 22, -1)


@pytest.fixture(scope="module")
def pages() -> list[Tensor]:
    # Half of them of another size: the detector's output is as large as the picture.
    return [real_requests.page(seed, 160 if seed % 2 else 192) for seed in range(100)]


@pytest.fixture(scope="module")
def detector() -> Path:
    return shipped("older", "ch_PP-OCRv3_det_infer.onnx")


@pytest.fixture(scope="module")
def retrain(detector: Path, pages: list[Tensor]) -> Pair:
    newer = shipped("newer", "ch_PP-OCRv4_det_infer.onnx")
    return Pair(TEXTS, versions.answers(detector, pages), versions.answers(newer, pages))


@pytest.fixture(scope="module")
def spectra() -> list[Tensor]:
    spectrum = versions.session(shipped("older", "melspectrogram.onnx"))
    found = [spectrum.run(None, {"input": real_requests.sound(seed)})[0] for seed in range(100)]
    # As the package itself scales it.
    return [np.ascontiguousarray(one.squeeze()[None, :76, :, None] / 10 + 2) for one in found]


@pytest.fixture(scope="module")
def embedding() -> Path:
    return shipped("older", "embedding_model.onnx")


@pytest.fixture(scope="module")
def embedded(embedding: Path, spectra: list[Tensor]) -> list[Tensor]:
    return versions.answers(embedding, spectra)


def test_the_next_version_of_a_text_detector_agrees(retrain: Pair) -> None:
    seen = retrain.all()
    assert (seen["kind"], seen["learning"], seen["unlike"]) == ("values", 20, 0)
    assert copies.agreement(seen) >= 0.85
    assert retrain.caught(copies.retrained, runs=10) == 0
    assert retrain.caught(copies.health, runs=10) == 0


def test_a_broken_next_version_of_a_text_detector_is_caught_within_200_copies(retrain: Pair) -> None:
    assert retrain.unrelated().caught(copies.retrained, runs=100) >= 0.99
    assert retrain.broken(lambda shown: 1 - shown).caught(copies.retrained, runs=100) >= 0.99
    assert retrain.broken(lambda shown: np.flip(shown, -1)).caught(copies.retrained, runs=100) >= 0.99
    assert retrain.broken(np.zeros_like).caught(copies.health, runs=100) >= 0.99


def test_a_text_detector_in_eight_bits_agrees(
    detector: Path, pages: list[Tensor], retrain: Pair, tmp_path: Path
) -> None:
    small = versions.answers(versions.eight_bits(detector, tmp_path), pages)
    assert copies.agreement(Pair(TEXTS, retrain.stable, small).all()) >= 0.95


def test_a_text_detector_that_half_precision_breaks_is_caught(
    detector: Path, pages: list[Tensor], retrain: Pair
) -> None:
    # Not made up: weights of it are beyond float16, and a plain conversion ruins it without an error.
    half = versions.answers(versions.half_precision(detector), pages)
    pair = Pair(TEXTS, retrain.stable, half)
    assert pair.caught(copies.retrained, runs=50) == 1
    assert pair.caught(copies.equivalent, runs=50) == 1


def test_eight_bits_of_an_embedding_agree_and_another_sound_does_not(
    embedding: Path, spectra: list[Tensor], embedded: list[Tensor], tmp_path: Path
) -> None:
    pair = Pair(SOUNDS, embedded, versions.answers(versions.eight_bits(embedding, tmp_path), spectra))
    assert pair.all()["kind"] == "values"
    assert copies.agreement(pair.all()) >= 0.95
    assert pair.unrelated().caught(copies.retrained, runs=100) >= 0.99
    shift = np.float32(np.std(np.concatenate(embedded)))
    assert pair.broken(lambda vector: vector + shift).caught(copies.retrained, runs=100) >= 0.99
    assert pair.broken(lambda vector: np.roll(vector, 1, -1)).caught(copies.retrained, runs=100) >= 0.99


def test_half_precision_of_this_embedding_needs_another_tolerance(
    embedding: Path, spectra: list[Tensor], embedded: list[Tensor]
) -> None:
    half = versions.answers(versions.half_precision(embedding), spectra)
    # It is off by up to 1 %, which is what the default is to notice.
    assert Pair(SOUNDS, embedded, half).caught(copies.equivalent, runs=20) == 1
    assert copies.equality(Pair(SOUNDS, embedded, half, relative=0.1).all()) == 1


def test_half_precision_of_a_detector_of_boxes_is_equal_and_1_percent_off_is_not() -> None:
    model = shipped("older", "320n.onnx")
    photographs: list[Tensor] = [real_requests.photograph(seed) for seed in range(40)]
    stable = versions.answers(model, photographs)
    half = Pair(PEOPLE, stable, versions.answers(versions.half_precision(model), photographs))
    assert copies.equality(half.all()) == 1
    assert half.broken(lambda boxes: boxes * np.float32(1.01)).caught(copies.equivalent, runs=50) == 1
    assert half.unrelated().caught(copies.equivalent, runs=50) == 1
