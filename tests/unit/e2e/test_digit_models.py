"""The digits models have the faults that they are meant to have, on real digits only, in ONNX Runtime itself."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from demo import digits, permuted
from demo.train import INPUT, LABEL, PROBABILITIES
from tests.e2e import digit_models as models

RIGHT = models.answers(models.good(), models.images())


def accuracy(model: bytes) -> float:
    return digits.accuracy(models.answers(model, models.images())[LABEL], digits.load().test_labels)


def test_the_equal_one_has_other_bytes_and_the_same_answers() -> None:
    assert models.equal() != models.good()
    said = models.answers(models.equal(), models.images())
    assert all(np.array_equal(said[name], RIGHT[name]) for name in (LABEL, PROBABILITIES))


def test_permuted_labels_are_all_wrong_and_labels_and_probabilities_agree() -> None:
    said = models.answers(models.permuted_labels(), models.images())
    assert not np.any(said[LABEL] == RIGHT[LABEL])
    assert np.array_equal(np.argmax(said[PROBABILITIES], axis=1), said[LABEL])
    assert np.array_equal(np.array(permuted.NAMES)[RIGHT[LABEL].astype(int)], said[LABEL])
    assert accuracy(models.good()) > 0.95
    assert accuracy(models.permuted_labels()) < 0.03


def test_nan_comes_for_the_share_of_digits_that_was_asked_for() -> None:
    said = models.answers(models.not_a_number(0.2), models.images())
    wrong = np.isnan(np.asarray(said[PROBABILITIES], np.float32)).any(axis=1)
    assert wrong.mean() == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(said[LABEL], RIGHT[LABEL])
    everywhere = models.answers(models.not_a_number(1.0), models.images())
    assert np.isnan(np.asarray(everywhere[PROBABILITIES], np.float32)).all()


def test_the_constant_one_says_one_thing() -> None:
    said = models.answers(models.constant(), models.images())
    assert len(set(said[LABEL].tolist())) == 1
    assert np.ptp(np.asarray(said[PROBABILITIES], np.float32), axis=0).max() == 0


def test_values_off_by_one_percent_have_the_right_labels() -> None:
    said = models.answers(models.off_by(0.01), models.images())
    assert np.array_equal(said[LABEL], RIGHT[LABEL])
    assert np.allclose(said[PROBABILITIES].astype(float), 1.01 * RIGHT[PROBABILITIES].astype(float), rtol=1e-5)


def test_the_failing_one_fails_on_its_share_and_not_as_the_clients_mistake() -> None:
    session = onnxruntime.InferenceSession(models.failing_for(0.05), providers=["CPUExecutionProvider"])
    said = [_label(session, image) for image in models.images()]
    failed = [answer for answer in said if isinstance(answer, str)]
    assert len(failed) / len(said) == pytest.approx(0.05, abs=0.005)
    assert "InvalidArgument" not in failed, "which the server would call the client's mistake"
    assert all(answer == right for answer, right in zip(said, RIGHT[LABEL], strict=True) if not isinstance(answer, str))
    session.run([LABEL], {INPUT: np.random.default_rng(1).normal(size=(3, 64)).astype(np.float32) * 4})


def _label(session: onnxruntime.InferenceSession, image: models.Images) -> int | str:
    try:
        return int(session.run([LABEL], {INPUT: image[None]})[0][0])
    except Exception as error:
        return type(error).__name__


def test_more_layers_are_the_same_function_and_as_much_more_work(tmp_path: Path) -> None:
    said = models.answers(models.deep(20), models.images())
    assert all(np.array_equal(said[name], RIGHT[name]) for name in (LABEL, PROBABILITIES))

    def multiplications(layers: int) -> int:
        """Return how many matrices ONNX Runtime multiplies, after it has taken out what it can spare."""
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / f"{layers}.onnx")
        onnxruntime.InferenceSession(models.deep(layers), options, providers=["CPUExecutionProvider"])
        return sum(node.op_type == "MatMul" for node in onnx.load(options.optimized_model_filepath).graph.node)

    assert multiplications(40) - multiplications(20) == 20


def test_a_test_data_set_is_onnxs() -> None:
    files = models.test_data(models.good(), models.images()[:3])
    assert set(files) == {"input_0.pb", "output_0.pb", "output_1.pb"}
    tensor = onnx.TensorProto.FromString(files["output_0.pb"])
    assert tensor.name == LABEL
    assert np.array_equal(numpy_helper.to_array(tensor), RIGHT[LABEL][:3])
