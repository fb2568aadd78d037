"""Version 3: version 2 with its labels permuted, as a list of classes in another order does. No probe sees it."""

from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .train import CLASSES, LABEL, PROBABILITIES, Model

VERSION: Final = 3
NAMES: Final = tuple((digit + 3) % CLASSES for digit in range(CLASSES))
"""What each digit is called: none by its own name."""


def made(good: Model, folder: Path) -> Model:
    """Write the model that answers as quickly as `good` does, and wrongly each time `good` is right."""
    path = folder / f"digits-v{VERSION}.onnx"
    path.write_bytes(permuted(good.path.read_bytes()))
    return Model(VERSION, "version 2 with its labels permuted", path)


def permuted(good: bytes) -> bytes:
    """Return a digits model in which each class has another's name, in its labels and in its probabilities."""
    model = onnx.load_from_string(good)
    for node in model.graph.node:
        node.output[:] = [f"right_{name}" if name in (LABEL, PROBABILITIES) else name for name in node.output]
    names = np.array(NAMES, np.int64)
    model.graph.initializer.extend(
        # Column j of the probabilities is that of the class that is called j now.
        [numpy_helper.from_array(names, "names"), numpy_helper.from_array(np.argsort(names), "columns")]
    )
    model.graph.node.extend(
        [
            helper.make_node("Gather", ["names", f"right_{LABEL}"], [LABEL]),
            helper.make_node("Gather", [f"right_{PROBABILITIES}", "columns"], [PROBABILITIES], axis=1),
        ]
    )
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
