"""Small ONNX models whose rows are, or are not, independent of each other."""

from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, TypeProto, ValueInfoProto, helper, numpy_helper

from tests.contract.onnx_models import Shape, save, tensor

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def of_nodes(
    path: Path,
    *nodes: NodeProto,
    shape: Shape = ("N", 8),
    element_type: int = FLOAT,
    output_shape: Shape = ("N", 8),
    **constants: np.ndarray,
) -> Path:
    """x to y of the same type by `nodes`; `constants` are theirs by name."""
    return save(
        path,
        list(nodes),
        [tensor("x", element_type, shape)],
        [tensor("y", element_type, output_shape)],
        initializers=[numpy_helper.from_array(array, name) for name, array in constants.items()],
    )


def node(operator: str, *inputs: str, output: str = "y", **attributes: object) -> NodeProto:
    return helper.make_node(operator, list(inputs), [output], **attributes)


def softmax_over_rows(path: Path) -> Path:
    """Each row's outputs depend on all rows of the batch."""
    return of_nodes(path, node("Softmax", "x", axis=0))


def running_sum(path: Path, element_type: int = FLOAT) -> Path:
    """Each row has the sum of those before it."""
    return of_nodes(path, node("CumSum", "x", "axis"), element_type=element_type, axis=np.array(0, dtype=np.int64))


def noise(path: Path) -> Path:
    """x plus other random numbers at each run."""
    return of_nodes(path, node("RandomNormalLike", "x", output="r"), node("Add", "x", "r"))


def dynamically_quantised(path: Path) -> Path:
    """x through 8 bits whose scale is that of all rows together."""
    quantise = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"])
    return of_nodes(path, quantise, node("DequantizeLinear", "q", "scale", "zero"))


def first_row(path: Path) -> Path:
    """The first row alone, whatever the batch."""
    return of_nodes(path, node("Slice", "x", "start", "end"), start=np.array([0]), end=np.array([1]))


def one_row_only(path: Path) -> Path:
    """Refuses more than one row, which the signature does not say."""
    return of_nodes(path, node("Reshape", "x", "one", output="r"), node("Add", "x", "r"), one=np.array([1, 8]))


def normalised(path: Path) -> Path:
    """Each row less its own mean: [N, M], both dynamic."""
    return of_nodes(
        path,
        node("ReduceMean", "x", output="m", axes=[1], keepdims=1),
        node("Sub", "x", "m"),
        shape=("N", "M"),
        output_shape=("N", "M"),
    )


def lookup_and_scale(path: Path) -> Path:
    """y = table[x] for x of [N, M], four entries of 8 numbers; beside it, z = how many of a row are over 0.

    An index from outside is the input's fault, and makes the whole batch fail.
    """
    table = np.arange(32, dtype=np.float32).reshape(4, 8)
    return save(
        path,
        [
            node("Gather", "table", "x"),
            node("Greater", "x", "zero", output="g"),
            node("Cast", "g", output="c", to=INT64),
            helper.make_node("ReduceSum", ["c", "one"], ["z"], keepdims=0),
        ],
        [tensor("x", INT64, ["N", "M"])],
        [tensor("y", FLOAT, ["N", "M", 8]), tensor("z", INT64, ["N"])],
        initializers=[
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array(0), "zero"),
            numpy_helper.from_array(np.array([1]), "one"),
        ],
    )


def slow_rows(path: Path, size: int = 300, layers: int = 20) -> Path:
    """y = x, after some 10 ms of work that does not depend on it, nor on how many rows there are: FP32 [N, 8]."""
    weights = np.eye(size, dtype=np.float32)
    nodes = [
        # Zero, though no optimisation can know.
        node("ReduceSum", "x", output="s", keepdims=0),
        node("Sub", "s", "s", output="none"),
        node("Add", "w", "none", output="m0"),
    ]
    nodes += [node("MatMul", f"m{i}", "w", output=f"m{i + 1}") for i in range(layers)]
    nodes += [
        node("ReduceMax", f"m{layers}", output="t", keepdims=0),
        node("Sub", "t", "t", output="nothing"),
        node("Add", "x", "nothing"),
    ]
    return of_nodes(path, *nodes, w=weights)


def any_rank(path: Path) -> Path:
    """y = x, of a shape that nobody can tell before it runs."""
    value = ValueInfoProto(name="y", type=TypeProto(tensor_type=TypeProto.Tensor(elem_type=FLOAT)))
    nodes = [node("Shape", "x", output="s"), node("NonZero", "s", output="i"), node("Squeeze", "i", output="j")]
    nodes += [node("Gather", "s", "j", output="t"), node("Reshape", "x", "t")]
    return save(path, nodes, [tensor("x", FLOAT, ["N", 8])], [value])


def narrow(path: Path) -> Path:
    """Twice x, of [N, M], where M must be 1, which the signature does not say."""
    return of_nodes(
        path,
        node("Reshape", "x", "one", output="r"),
        node("Add", "x", "r"),
        shape=("N", "M"),
        output_shape=("N", "M"),
        one=np.array([0, 1]),
    )


def heavy_rows(path: Path, size: int = 1024) -> Path:
    """y = 2x, after a million multiplications a row: FP32 [N, 8]."""
    spread = np.zeros((8, size), dtype=np.float32)
    spread[:, :8] = np.eye(8)
    return of_nodes(
        path,
        node("MatMul", "x", "spread", output="a"),
        node("MatMul", "a", "square", output="b"),
        node("Abs", "b", output="c"),
        node("MatMul", "c", "gather"),
        spread=spread,
        square=2 * np.eye(size, dtype=np.float32),
        gather=np.ascontiguousarray(spread.T),
    )
