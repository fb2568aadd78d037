"""Trains two versions of a digits classifier and exports them to ONNX; nothing binary is kept in git."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from .digits import PIXELS, Digits

INPUT, LABEL, PROBABILITIES = "pixels", "label", "probabilities"
CLASSES: Final = 10
FEW: Final = 100
OPSET: Final = 17


@dataclass(frozen=True)
class Model:
    """An exported model: `pixels` float32 [N, 64] in, `label` int64 [N] and `probabilities` float32 [N, 10] out."""

    version: int
    what: str
    path: Path

    @property
    def digest(self) -> str:
        """The model's digest as the operator's status gives it: sha256:<64 hex digits>."""
        return f"sha256:{hashlib.sha256(self.path.read_bytes()).hexdigest()}"


@dataclass(frozen=True)
class Recipe:
    """How one version is made; `examples` is on how many of the training digits."""

    what: str
    examples: int | None
    classifier: Callable[[], Any]


RECIPES: Final = {
    1: Recipe(f"logistic regression on {FEW} digits", FEW, lambda: LogisticRegression(max_iter=1000)),
    2: Recipe("small neural network on all training digits", None, lambda: MLPClassifier((64,), max_iter=1000)),
}


def train(version: int, digits: Digits) -> Pipeline:
    """Fit the classifier of a version; the same every time."""
    recipe = RECIPES[version]
    pipeline = make_pipeline(MinMaxScaler(), recipe.classifier().set_params(random_state=0))
    return pipeline.fit(digits.train_images[: recipe.examples], digits.train_labels[: recipe.examples])


def export(pipeline: Pipeline, version: int, folder: Path) -> Model:
    """Write a fitted classifier to `folder` as ONNX."""
    converted = convert_sklearn(
        pipeline,
        f"digits-v{version}",
        [(INPUT, FloatTensorType([None, PIXELS]))],
        final_types=[(LABEL, Int64TensorType([None])), (PROBABILITIES, FloatTensorType([None, CLASSES]))],
        # With ZipMap the probabilities are a sequence of maps, which no inference protocol carries.
        options={"zipmap": False},
        target_opset=OPSET,
    )
    # Their order is that of a set; sorted, the same training gives the same bytes, and so the same digest.
    converted.opset_import.sort(key=lambda opset: opset.domain)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"digits-v{version}.onnx"
    path.write_bytes(converted.SerializeToString())
    return Model(version, RECIPES[version].what, path)
