"""The models that are served, made here from fixed seeds, and the inputs that are sent to them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]

SEED: Final = 20
INPUT, OUTPUT = "x", "y"
"""The names of each model's only input and only output, both FP32 with a batch dimension of any size."""
DISTINCT: Final = 8
"""How many different requests answers are checked with."""


@dataclass(frozen=True)
class Model:
    """One model: `shape` is its input's without the batch, `build` makes it, `about` says what it is.

    Where `seconds` is given, it is what a run with a batch of 1 is to take, and `layered` makes the model of so many
    hidden layers: a case is of a model that runs for so long, and machines differ by more than their servers do.
    """

    name: str
    about: str
    shape: tuple[int, ...]
    build: Callable[[], onnx.ModelProto]
    seconds: float | None = None
    layered: "Callable[[int], Model] | None" = None

    def inputs(self) -> Array:
        """Return different inputs, FP32 [DISTINCT, *shape]."""
        return np.random.default_rng(SEED).standard_normal((DISTINCT, *self.shape), dtype=np.float32)

    def write(self, folder: Path) -> Path:
        """Write the model as `NAME.onnx` and return the file."""
        file = folder / f"{self.name}.onnx"
        onnx.save(self.build(), file)
        return file


def _mlp(*sizes: int) -> Callable[[], onnx.ModelProto]:
    def build() -> onnx.ModelProto:
        random = np.random.default_rng(SEED)
        nodes, weights, last = [], [], INPUT
        for layer, (rows, columns) in enumerate(pairwise(sizes)):
            final = layer == len(sizes) - 2
            weights.append(_weight(random, f"w{layer}", (rows, columns), rows))
            weights.append(_weight(random, f"b{layer}", (columns,), columns))
            made = OUTPUT if final else f"sum{layer}"
            nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [made]))
            if not final:
                nodes.append(helper.make_node("Relu", [made], [f"layer{layer}"]))
            last = f"layer{layer}"
        return _model(nodes, weights, (sizes[0],), sizes[-1])

    return build


def _convolutions(channels: tuple[int, ...], size: int, classes: int) -> Callable[[], onnx.ModelProto]:
    def build() -> onnx.ModelProto:
        random = np.random.default_rng(SEED)
        nodes, weights, last = [], [], INPUT
        for layer, (before, after) in enumerate(pairwise(channels)):
            weights.append(_weight(random, f"w{layer}", (after, before, 3, 3), 9 * before))
            convolution = helper.make_node("Conv", [last, f"w{layer}"], [f"sum{layer}"], strides=[2, 2], pads=[1] * 4)
            last = f"layer{layer}"
            nodes += [convolution, helper.make_node("Relu", [f"sum{layer}"], [last])]
        weights.append(_weight(random, "w", (channels[-1], classes), channels[-1]))
        nodes += [
            helper.make_node("GlobalAveragePool", [last], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], [OUTPUT]),
        ]
        return _model(nodes, weights, (channels[0], size, size), classes)

    return build


def _weight(random: np.random.Generator, name: str, shape: tuple[int, ...], fan_in: int) -> onnx.TensorProto:
    return numpy_helper.from_array(random.standard_normal(shape, dtype=np.float32) / np.float32(fan_in**0.5), name)


def _model(
    nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], shape: tuple[int, ...], width: int
) -> onnx.ModelProto:
    taken = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", *shape])
    given = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", width])
    graph = helper.make_graph(nodes, "benchmark", [taken], [given], initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def _middle(layers: int) -> Model:
    about = f"an MLP from 256 over {layers} x 1600 to 256 wide, of so many layers that it took about 1.2 ms here"
    return Model("middle", about, (256,), _mlp(256, *[1600] * layers, 256))


MODELS: Final = {
    model.name: model
    for model in (
        Model("tiny", "an MLP 64-64-16, so that the server is what is measured", (64,), _mlp(64, 64, 16)),
        replace(_middle(3), seconds=1.2e-3, layered=_middle),
        Model(
            "image",
            "three convolutions (3 x 3, stride 2) of 3 x 224 x 224 floats (602 kB) to 32, 64 and 128 channels, pooled "
            "to 10 classes: about 3 ms, so that moving the bytes is seen",
            (3, 224, 224),
            _convolutions((3, 32, 64, 128), 224, 10),
        ),
        Model("wide", "an MLP 1000-64-16, asked with 1,000 floats as JSON and in binary", (1000,), _mlp(1000, 64, 16)),
    )
}
"""By name: what `--only` takes."""
