"""Models of real digits, equal or with a fault that no probe sees: each loads, warms up and answers quickly.

All are the demo's second version (`pixels` FLOAT [N, 64] in, `label` INT64 [N] and `probabilities` FLOAT [N, 10] out)
with nodes put behind or before it, so that the fault is in what ONNX Runtime computes in the shipped server.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper

from demo import digits, permuted, train
from demo.train import INPUT, LABEL, PROBABILITIES

Images = npt.NDArray[np.float32]
Outputs = dict[str, npt.NDArray[np.generic]]

WIDTH = 512
"""Of the layers of `deep`: a run of one takes some tens of microseconds."""

LITTLE = 150.0
"""Less ink than any digit has, and more than what servers make up to warm up."""


@cache
def good() -> bytes:
    """Return the model that all others are made of."""
    with TemporaryDirectory() as folder:
        return train.export(train.train(2, digits.load()), 2, Path(folder)).path.read_bytes()


@cache
def images() -> Images:
    """Return what clients ask about: the held-out digits."""
    return digits.load().test_images


def answers(model: bytes, asked: Images) -> Outputs:
    """Return what ONNX Runtime here says, by output."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {INPUT: asked}), strict=True))


def equal() -> bytes:
    """Return a model of other bytes that computes the same."""
    model = onnx.load_from_string(good())
    model.doc_string = "the same, made another time"
    return _checked(model)


def permuted_labels() -> bytes:
    """Return a model that calls each digit by another one's name."""
    return permuted.permuted(good())


def not_a_number(share: float) -> bytes:
    """Return a model whose probabilities are NaN for this share (0..1) of the digits, those with most ink."""
    nodes = [
        *_inky("inky"),
        helper.make_node("Where", ["inky", "nan", "right_probabilities"], [PROBABILITIES]),
    ]
    return _behind([PROBABILITIES], nodes, [_ink_of(share), _float("nan", float("nan"))])


def constant() -> bytes:
    """Return a model that answers the same, whatever it is asked."""
    row = answers(good(), images()[:1])
    nodes = [
        helper.make_node("Mul", ["right_label", "no_label"], ["no_labels"]),
        helper.make_node("Add", ["no_labels", "one_label"], [LABEL]),
        helper.make_node("Mul", ["right_probabilities", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "one_row"], [PROBABILITIES]),
    ]
    constants = [
        helper.make_tensor("no_label", TensorProto.INT64, [], [0]),
        helper.make_tensor("one_label", TensorProto.INT64, [], [int(row[LABEL][0])]),
        _float("zero", 0.0),
        numpy_helper.from_array(np.asarray(row[PROBABILITIES], np.float32), "one_row"),
    ]
    return _behind([LABEL, PROBABILITIES], nodes, constants)


def off_by(share: float) -> bytes:
    """Return a model with the right labels, whose probabilities are off by this share (0..1) of each."""
    nodes = [helper.make_node("Mul", ["right_probabilities", "times"], [PROBABILITIES])]
    return _behind([PROBABILITIES], nodes, [_float("times", 1.0 + share)])


def failing_for(share: float) -> bytes:
    """Return a model that ONNX Runtime cannot run (the server answers 500) on this share of the digits (0..1)."""
    nodes = [
        *_inky("inky"),
        helper.make_node("Cast", ["inky"], ["each"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["each"], ["more"], keepdims=0),
        helper.make_node("Shape", ["right_label"], ["shape"]),
        helper.make_node("Add", ["shape", "more"], ["wrong"]),
        helper.make_node("Reshape", ["right_label", "wrong"], [LABEL]),
    ]
    return _behind([LABEL], nodes, [_ink_of(share)])


def deep(layers: int) -> bytes:
    """Return a model with so many layers more, each of which multiplies by one: the same function, computed slowly."""
    model = onnx.load_from_string(good())
    wide = numpy_helper.from_array(np.eye(digits.PIXELS, WIDTH, dtype=np.float32), "widen")
    layer = numpy_helper.from_array(np.eye(WIDTH, dtype=np.float32), "layer")
    narrow = numpy_helper.from_array(np.eye(WIDTH, digits.PIXELS, dtype=np.float32), "narrow")
    weights = ["widen", *["layer"] * layers, "narrow"]
    between = [INPUT, *(f"deep_{index}" for index in range(len(weights) - 1)), "read_pixels"]
    nodes = [
        helper.make_node("MatMul", [between[index], weight], [between[index + 1]])
        for index, weight in enumerate(weights)
    ]
    for node in model.graph.node:
        node.input[:] = ["read_pixels" if name == INPUT else name for name in node.input]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])
    model.graph.initializer.extend([wide, layer, narrow])
    return _checked(model)


def test_data(model: bytes, asked: Images) -> dict[str, bytes]:
    """Return the files of a test data set as ONNX defines them, by name: what is asked, and what this model answers."""
    files = {"input_0.pb": numpy_helper.from_array(asked, INPUT)}
    for index, (name, output) in enumerate(answers(model, asked).items()):
        files[f"output_{index}.pb"] = numpy_helper.from_array(np.asarray(output), name)
    return {name: tensor.SerializeToString() for name, tensor in files.items()}


test_data.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


def _ink_of(share: float) -> onnx.TensorProto:
    """Return the ink that this share of the digits has more of."""
    least = float(np.quantile(images().sum(axis=1), 1.0 - share)) if share < 1 else LITTLE
    return _float("ink", least)


def _inky(output: str) -> list[NodeProto]:
    """Return nodes that give BOOL [N, 1]: which images have more than that ink."""
    axes = helper.make_node("Constant", [], ["row"], value=helper.make_tensor("axes", TensorProto.INT64, [1], [1]))
    return [
        axes,
        helper.make_node("ReduceSum", [INPUT, "row"], ["sum_of_pixels"], keepdims=1),
        helper.make_node("Greater", ["sum_of_pixels", "ink"], [output]),
    ]


def _behind(outputs: Sequence[str], nodes: Sequence[NodeProto], constants: Sequence[onnx.TensorProto]) -> bytes:
    """Return the good model with these outputs renamed to `right_…`, and nodes that make them anew."""
    model = onnx.load_from_string(good())
    for node in model.graph.node:
        node.output[:] = [f"right_{name}" if name in outputs else name for name in node.output]
        node.input[:] = [f"right_{name}" if name in outputs else name for name in node.input]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants)
    return _checked(model)


def _checked(model: onnx.ModelProto) -> bytes:
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _float(name: str, value: float) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, [], [value])
