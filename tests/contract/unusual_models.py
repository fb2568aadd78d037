"""Models that are not a plain graph from tensors to tensors, each for one rule of the protocol's page."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.contract.onnx_models import save, tensor

FLOAT = TensorProto.FLOAT


def branches(path: Path) -> Path:
    """y = 2x where the scalar `double` is true, else -x: an If, whose branches read x from outside."""
    two = numpy_helper.from_array(np.array([2], dtype=np.float32), "two")
    doubled = helper.make_graph([helper.make_node("Mul", ["x", "two"], ["t"])], "t", [], [tensor("t", FLOAT, ["N"])])
    negated = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "e", [], [tensor("e", FLOAT, ["N"])])
    node = helper.make_node("If", ["double"], ["y"], then_branch=doubled, else_branch=negated)
    inputs = [tensor("double", TensorProto.BOOL, []), tensor("x", FLOAT, ["N"])]
    return save(path, [node], inputs, [tensor("y", FLOAT, ["N"])], initializers=[two])


def running_sum(path: Path) -> Path:
    """y[i] = x[0] + … + x[i], by a Scan over rows of three."""
    body = helper.make_graph(
        [helper.make_node("Add", ["sum", "row"], ["next"]), helper.make_node("Identity", ["next"], ["seen"])],
        "body",
        [tensor("sum", FLOAT, [3]), tensor("row", FLOAT, [3])],
        [tensor("next", FLOAT, [3]), tensor("seen", FLOAT, [3])],
    )
    zero = numpy_helper.from_array(np.zeros(3, dtype=np.float32), "zero")
    node = helper.make_node("Scan", ["zero", "x"], ["end", "y"], body=body, num_scan_inputs=1)
    outputs = [tensor("y", FLOAT, ["N", 3]), tensor("end", FLOAT, [3])]
    return save(path, [node], [tensor("x", FLOAT, ["N", 3])], outputs, initializers=[zero])


def factorial(path: Path) -> Path:
    """y = n!, by a Loop, of a scalar: nothing of it is a batch."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["i", "one"], ["factor"]),
            helper.make_node("Mul", ["product", "factor"], ["next"]),
            helper.make_node("Identity", ["go"], ["still"]),
        ],
        "body",
        [tensor("i", TensorProto.INT64, []), tensor("go", TensorProto.BOOL, []), tensor("product", 7, [])],
        [tensor("still", TensorProto.BOOL, []), tensor("next", 7, [])],
    )
    one = numpy_helper.from_array(np.array(1, dtype=np.int64), "one")
    node = helper.make_node("Loop", ["n", "", "one"], ["y"], body=body)
    return save(path, [node], [tensor("n", 7, [])], [tensor("y", 7, [])], initializers=[one])


def two_rows(path: Path) -> Path:
    """y = x of exactly [2, 3]: a first dimension that is no batch."""
    return save(
        path, [helper.make_node("Neg", ["x"], ["y"])], [tensor("x", FLOAT, [2, 3])], [tensor("y", FLOAT, [2, 3])]
    )


def any_rank(path: Path) -> Path:
    """y = -x of whatever rank: no shape is declared at all."""
    return save(path, [helper.make_node("Neg", ["x"], ["y"])], [tensor("x", FLOAT, None)], [tensor("y", FLOAT, None)])


def with_a_default(path: Path) -> Path:
    """y = x + w, where w is an input that has an initializer."""
    default = numpy_helper.from_array(np.array([10], dtype=np.float32), "w")
    inputs = [tensor("x", FLOAT, ["N"]), tensor("w", FLOAT, [1])]
    add = helper.make_node("Add", ["x", "w"], ["y"])
    return save(path, [add], inputs, [tensor("y", FLOAT, ["N"])], initializers=[default])


def not_utf8(path: Path) -> Path:
    """y = ["ok", bytes that are no UTF-8][x]."""
    table = helper.make_tensor("t", TensorProto.STRING, [2], [b"ok", b"\xff\xfe"])
    node = helper.make_node("Gather", ["t", "x"], ["y"])
    inputs, outputs = [tensor("x", TensorProto.INT64, ["N"])], [tensor("y", TensorProto.STRING, ["N"])]
    return save(path, [node], inputs, outputs, initializers=[table])


def not_finite(path: Path) -> Path:
    """y = log(x): -inf of 0, NaN of -1."""
    return save(path, [helper.make_node("Log", ["x"], ["y"])], [tensor("x", FLOAT, ["N"])], [tensor("y", FLOAT, ["N"])])


def sequence_of_tensors(path: Path) -> Path:
    """y = [x, x]: a sequence that no ZipMap made."""
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None))
    node = helper.make_node("SequenceConstruct", ["x", "x"], ["y"])
    return save(path, [node], [tensor("x", FLOAT, ["N"])], [onnx.helper.make_value_info("y", kind)])


def optional(path: Path) -> Path:
    """y = an optional that has x."""
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, ["N"]))
    node = helper.make_node("Optional", ["x"], ["y"])
    return save(path, [node], [tensor("x", FLOAT, ["N"])], [onnx.helper.make_value_info("y", kind)], opset=18)


def four_bits(path: Path) -> Path:
    """y = x as int4, which ONNX Runtime can give and the protocol cannot carry."""
    zero = numpy_helper.from_array(np.array(1, dtype=np.float32), "scale")
    node = helper.make_node("QuantizeLinear", ["x", "scale"], ["y"], output_dtype=TensorProto.INT4)
    outputs = [tensor("y", TensorProto.INT4, ["N"])]
    return save(path, [node], [tensor("x", FLOAT, ["N"])], outputs, initializers=[zero], opset=21, ir_version=10)
