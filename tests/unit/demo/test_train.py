from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.metrics import accuracy_score

from demo import digits, local_run, train


@pytest.fixture(scope="module")
def data() -> digits.Digits:
    return digits.load()


def test_no_digit_is_both_trained_on_and_held_out(data: digits.Digits) -> None:
    assert data.test_images.shape == (540, 64)
    assert data.test_images.dtype == np.float32
    assert data.train_labels.dtype == data.test_labels.dtype == np.int64
    assert len(data.train_images) + len(data.test_images) == 1797
    assert set(data.test_labels.tolist()) == set(range(10))


def test_the_split_is_the_same_every_time(data: digits.Digits) -> None:
    assert np.array_equal(digits.load().test_images, data.test_images)


def test_accuracy_is_scikit_learns() -> None:
    truth = np.array([1, 2, 3, 4], np.int64)
    for answers in ([1, 2, 3, 4], [1, 2, 0, 0], [0, 0, 0, 0]):
        given = np.array(answers, np.int64)
        assert digits.accuracy(given, truth) == accuracy_score(truth, given)


def test_accuracy_of_answers_that_do_not_match_the_truth_in_number_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        digits.accuracy(np.zeros(2, np.int64), np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="shape"):
        digits.accuracy(np.zeros(0, np.int64), np.zeros(0, np.int64))


def test_version_2_is_clearly_better_and_both_files_say_what_scikit_learn_says(
    data: digits.Digits, tmp_path: Path
) -> None:
    shares = {}
    for version in train.RECIPES:
        fitted = train.train(version, data)
        model = train.export(fitted, version, tmp_path)
        answers = local_run.run(model, data.test_images)
        assert np.array_equal(answers.labels, fitted.predict(data.test_images))
        assert np.allclose(answers.probabilities, fitted.predict_proba(data.test_images), atol=1e-4)
        shares[version] = digits.accuracy(answers.labels, data.test_labels)
    assert shares[1] > 0.8
    assert shares[2] > shares[1] + 0.05


def test_the_exported_model_speaks_tensors_with_a_free_batch(data: digits.Digits, tmp_path: Path) -> None:
    model = train.export(train.train(1, data), 1, tmp_path)
    graph = onnx.load(model.path).graph
    found = {
        value.name: (
            onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type),
            [dimension.dim_value for dimension in value.type.tensor_type.shape.dim],
        )
        for value in [*graph.input, *graph.output]
    }
    assert found == {"pixels": ("FLOAT", [0, 64]), "label": ("INT64", [0]), "probabilities": ("FLOAT", [0, 10])}
    assert model.digest.startswith("sha256:")
    assert len(model.digest) == 71
