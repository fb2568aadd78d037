"""Real versions of models, trained here on data that scikit-learn ships, and what they answer."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
from sklearn.datasets import load_breast_cancer, load_diabetes, make_classification
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from demo import digits, train
from onnx_server.protocol.datatypes import Tensor

Floats = NDArray[np.float32]


def half_precision(model: Path | onnx.ModelProto) -> onnx.ModelProto:
    """Return the model computed in float16, with the inputs and outputs it had."""
    loaded = onnx.load(model) if isinstance(model, Path) else model
    kept = [*DEFAULT_OP_BLOCK_LIST, "ArrayFeatureExtractor"]
    return convert_float_to_float16(loaded, keep_io_types=True, op_block_list=kept)


def eight_bits(model: Path, folder: Path) -> onnx.ModelProto:
    """Return the model with weights, and what is multiplied with them, in 8 bits."""
    quantized = folder / f"{model.stem}-int8.onnx"
    quantize_dynamic(model, quantized, weight_type=QuantType.QUInt8)
    return onnx.load(quantized)


def session(model: Path | onnx.ModelProto) -> Any:
    """Return a session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model if isinstance(model, Path) else model.SerializeToString(), options)


def answers(model: Path | onnx.ModelProto, requests: list[Tensor], name: str | None = None) -> list[Tensor]:
    """Return one output (the first if none is named) of each request."""
    run = session(model)
    given = run.get_inputs()[0].name
    return [run.run(None if name is None else [name], {given: request})[0] for request in requests]


@cache
def digit_requests() -> tuple[Floats, ...]:
    """Return the held-out digits, one a request."""
    return tuple(digits.load().test_images[:, None, :])


@cache
def regressions(kind: str, half: int) -> tuple[Floats, ...]:
    """Return what a regressor, trained on one half of the data, says of what no half has: [1, 1] each.

    Diabetes' progression (442 patients) by patients' data, or the error of a tumour's area (569 tumours), whose
    distribution has a long tail, by the tumour's other measures.
    """
    data, family = kind.split(" by ")
    if data == "diabetes":
        features, targets = load_diabetes(return_X_y=True)
    else:
        tumours = load_breast_cancer().data
        features, targets = np.delete(tumours, 13, axis=1), tumours[:, 13]
    known, unknown, known_targets, _ = train_test_split(features, targets, test_size=0.3, random_state=0)
    families: dict[str, Any] = {
        "forest": RandomForestRegressor(100, random_state=0),
        "boosting": GradientBoostingRegressor(random_state=0),
        "ridge": make_pipeline(StandardScaler(), Ridge(1.0)),
        "neighbours": make_pipeline(StandardScaler(), KNeighborsRegressor(10)),
    }
    fitted = families[family].fit(known[half::2], known_targets[half::2])
    return tuple(fitted.predict(unknown).astype(np.float32).reshape(-1, 1, 1))


def wrong_sign(model: Path, layer: str, place: tuple[int, int]) -> onnx.ModelProto:
    """Return the model with the sign of one weight wrong."""
    loaded = onnx.load(model)
    weights = next(one for one in loaded.graph.initializer if one.name == layer)
    values = numpy_helper.to_array(weights).copy()
    values[place] *= -1
    weights.CopyFrom(numpy_helper.from_array(values, layer))
    return loaded


@cache
def probabilities(family: str, half: int) -> tuple[Floats, ...]:
    """Return what a classifier, trained on one half of 1,800 examples, says of 1,200 others: [1, 1] each.

    One of five examples is of the second class, and one of five has the wrong label: a hard problem, on which honest
    retrains are sure of different things.
    """
    features, labels = make_classification(3000, 20, flip_y=0.2, weights=[0.8], random_state=1)
    known, unknown, known_labels, _ = train_test_split(features, labels, test_size=0.4, random_state=0)
    families: dict[str, Any] = {
        "regression": make_pipeline(StandardScaler(), LogisticRegression()),
        "forest": RandomForestClassifier(100, random_state=0),
        "network": make_pipeline(StandardScaler(), MLPClassifier(random_state=0, max_iter=1000)),
    }
    fitted = families[family].fit(known[half::2], known_labels[half::2])
    return tuple(fitted.predict_proba(unknown)[:, 1].astype(np.float32).reshape(-1, 1, 1))


@cache
def digit_models(folder: Path) -> dict[int, train.Model]:
    """Return the demo's two versions of digits."""
    known = digits.load()
    return {version: train.export(train.train(version, known), version, folder) for version in (1, 2)}
