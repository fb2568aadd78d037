"""Version 3: version 2 with a defect that shows under real requests only. It really kills ONNX Runtime's process."""

from pathlib import Path
from typing import Final

import onnx
from onnx import TensorProto, helper

from tests.e2e.misbehaving_models import fatal

from .train import INPUT, Model

VERSION: Final = 3
AFTER: Final = 25
"""Runs on real digits after which it ends."""

LEAST: Final = 200.0
"""A request of real digits has more ink than this, summed over its pixels; what servers make up to warm up has less."""


def made(good: Model, folder: Path) -> Model:
    """Write a model that answers as `good` does until its run number `AFTER` on real digits kills the process."""
    model = onnx.load(good.path)
    graph = model.graph
    for node in graph.node:
        node.input[:] = ["pixels_read" if name == INPUT else name for name in node.input]
    defect = [
        helper.make_node("ReduceSum", [INPUT], ["ink"], keepdims=0),
        helper.make_node("Greater", ["ink", "least_ink"], ["real"]),
        fatal("real", AFTER, "nothing"),
        helper.make_node("Add", [INPUT, "nothing"], ["pixels_read"]),
    ]
    nodes = [*defect, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.append(helper.make_tensor("least_ink", TensorProto.FLOAT, [], [LEAST]))
    path = folder / f"digits-v{VERSION}.onnx"
    path.write_bytes(model.SerializeToString())
    return Model(VERSION, "version 2 with a defect", path)
