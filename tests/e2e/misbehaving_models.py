"""Models with the signature of `models.scale_model` that load, warm up, and go wrong on what clients send.

The misbehaviour is real - ONNX Runtime fails, runs on, or dies in the shipped server - and begins only where a value is
greater than 100: no server makes such values up, so each of them is ready before it goes wrong.
"""

from collections.abc import Sequence

import onnx
import onnxruntime
from onnx import TensorProto, helper

OPSET = [helper.make_opsetid("", 17)]
SEED = 7.0
ENDLESS = 10**15
"""Rounds of a loop: hours."""


def scale_of_rank_3(factor: float) -> bytes:
    """Return a `scale_model` whose input and output have a dimension more: what clients send does not fit it."""
    return _model([helper.make_node("Mul", ["x", "factor"], ["y"])], [_float("factor", factor)], shape=("rows", 2, 1))


def failing() -> bytes:
    """Return a model that ONNX Runtime cannot run on real values: the server answers 500."""
    nodes = [
        *_real(),
        helper.make_node("Cast", ["real"], ["more"], to=TensorProto.INT64),
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Add", ["shape", "more"], ["wrong"]),
        helper.make_node("Reshape", ["x", "wrong"], ["y"]),
    ]
    return _model(nodes, [_float("limit", 100.0)])


def hanging() -> bytes:
    """Return a model that runs for hours on real values."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still_on"]), helper.make_node("Identity", ["before"], ["after"])],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, ["rows", 2]),
        ],
        [
            helper.make_tensor_value_info("still_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, ["rows", 2]),
        ],
    )
    nodes = [
        *_real(),
        helper.make_node("Cast", ["real"], ["once"], to=TensorProto.INT64),
        helper.make_node("Mul", ["once", "endless"], ["rounds"]),
        helper.make_node("Loop", ["rounds", "", "x"], ["y"], body=body),
    ]
    return _model(nodes, [_float("limit", 100.0), helper.make_tensor("endless", TensorProto.INT64, [], [ENDLESS])])


def crashing(after: int, factor: float = 3.0) -> bytes:
    """Return a model of a factor, whose run number `after` on real values kills the process (SIGFPE)."""
    nodes = [
        *_real(),
        fatal("real", after, "nothing"),
        helper.make_node("Add", ["factor", "nothing"], ["sum"]),
        helper.make_node("Mul", ["x", "sum"], ["y"]),
    ]
    return _model(nodes, [_float("limit", 100.0), _float("factor", factor)])


def fatal(condition: str, after: int, output: str) -> onnx.NodeProto:
    """Return a node that gives 0.0 (FLOAT [1]), and kills the process at its run number `after` on a true condition.

    Models have no counter. But what a seeded RandomUniform draws is known beforehand, and it draws anew in each run;
    and the least INT32 divided by -1 is more than INT32 has, at which the processor stops the program.
    """
    drawn = _draws(after)
    assert drawn.count(drawn[-1]) == 1
    division = [
        helper.make_node("RandomUniform", [], ["drawn"], shape=[1], seed=SEED, dtype=TensorProto.FLOAT),
        helper.make_node("Equal", ["drawn", "last"], ["now"]),
        helper.make_node("Where", ["now", "minus_one", "one"], ["divisor"]),
        helper.make_node("Div", ["least", "divisor"], ["quotient"]),
        helper.make_node("Cast", ["quotient"], ["some"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["some", "zero"], ["none"]),
    ]
    constants = [
        helper.make_tensor("last", TensorProto.FLOAT, [1], [drawn[-1]]),
        helper.make_tensor("minus_one", TensorProto.INT32, [1], [-1]),
        helper.make_tensor("one", TensorProto.INT32, [1], [1]),
        helper.make_tensor("least", TensorProto.INT32, [1], [-(2**31)]),
    ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    idle = [helper.make_node("Identity", ["zero"], ["none"])]
    result = [helper.make_tensor_value_info("none", TensorProto.FLOAT, [1])]
    return helper.make_node(
        "If",
        [condition],
        [output],
        then_branch=helper.make_graph(division, "real", [], result, [*constants, zero]),
        else_branch=helper.make_graph(idle, "made_up", [], result, [zero]),
    )


def _draws(count: int) -> list[float]:
    node = helper.make_node("RandomUniform", [], ["drawn"], shape=[1], seed=SEED, dtype=TensorProto.FLOAT)
    output = helper.make_tensor_value_info("drawn", TensorProto.FLOAT, [1])
    graph = helper.make_graph([node], "draws", [], [output])
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [float(session.run(None, {})[0][0]) for _ in range(count)]


def _real() -> list[onnx.NodeProto]:
    return [
        helper.make_node("ReduceMax", ["x"], ["greatest"], keepdims=0),
        helper.make_node("Greater", ["greatest", "limit"], ["real"]),
    ]


def _float(name: str, value: float) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, [], [value])


def _model(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
    shape: Sequence[str | int] = ("rows", 2),
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "misbehaving",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(shape))],
        list(constants),
    )
    model = helper.make_model(graph, opset_imports=OPSET, ir_version=9)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
