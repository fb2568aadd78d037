"""Runs a model in this process with ONNX Runtime: what the server's answers have to equal."""

from dataclasses import dataclass

import numpy as np
import onnxruntime

from .digits import Images, Labels
from .train import INPUT, LABEL, PROBABILITIES, Model


@dataclass(frozen=True)
class Answers:
    """A model's answers for N images: labels int64 [N], probabilities float32 [N, 10]."""

    labels: Labels
    probabilities: Images


def run(model: Model, images: Images) -> Answers:
    """Return what the file itself says about float32 [N, 64] images."""
    session = onnxruntime.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    labels, probabilities = session.run([LABEL, PROBABILITIES], {INPUT: images})
    return Answers(np.asarray(labels), np.asarray(probabilities))
