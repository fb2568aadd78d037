from pathlib import Path

import numpy as np

from demo import digits, local_run, permuted, train


def test_version_3_is_wrong_where_version_2_is_right_and_as_sure_of_itself(tmp_path: Path) -> None:
    data = digits.load()
    good = train.export(train.train(2, data), 2, tmp_path)
    model = permuted.made(good, tmp_path)
    assert model.digest != good.digest
    right, wrong = local_run.run(good, data.test_images), local_run.run(model, data.test_images)
    assert not np.any((right.labels == data.test_labels) & (wrong.labels == data.test_labels))
    assert digits.accuracy(wrong.labels, data.test_labels) < 0.05
    assert np.array_equal(wrong.probabilities.max(axis=1), right.probabilities.max(axis=1))
