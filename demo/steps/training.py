"""Three versions of a model."""

import numpy as np

from .. import digits, local_run, permuted, s3_server, train
from ..scene import Scene

RIGHT, WRONG = 3, 2
"""How many digits are drawn of those that version 1 reads right, and of those that only version 2 does."""


def run(scene: Scene) -> None:
    """Train two versions, export them to ONNX, and run both here for comparison; make a third one that is wrong."""
    scene.digits = data = digits.load()
    scene.narrator.say(
        f"scikit-learn's handwritten digits: {len(data.train_labels)} to train on, {len(data.test_labels)} held out. "
        "Trained and exported with skl2onnx now; there is no binary model in git."
    )
    for version in train.RECIPES:
        model = train.export(train.train(version, data), version, s3_server.home() / "models")
        answers = local_run.run(model, data.test_images)
        share = digits.accuracy(answers.labels, data.test_labels)
        scene.models[version], scene.local[version] = model, answers
        size = model.path.stat().st_size / 1000
        scene.narrator.good(f"v{version}: {model.what}: {size:.0f} kB of ONNX; here, accuracy {share:.1%}")
    model = permuted.made(scene.models[2], s3_server.home() / "models")
    scene.models[permuted.VERSION] = model
    share = digits.accuracy(local_run.run(model, data.test_images).labels, data.test_labels)
    scene.narrator.good(
        f"v{permuted.VERSION}: {model.what}: as quick and as sure of itself; here, accuracy {share:.1%}"
    )
    scene.drawn = _worth_drawing(scene)


def _worth_drawing(scene: Scene) -> tuple[int, ...]:
    """Return the indices of held-out digits that show the difference between the versions."""
    data = scene.digits
    if data is None:
        return ()
    first, second = (scene.local[version].labels == data.test_labels for version in (1, 2))
    chosen = [*np.flatnonzero(first & second)[:RIGHT], *np.flatnonzero(~first & second)[:WRONG]]
    return tuple(int(index) for index in chosen)
