"""Small ONNX models, made when a test needs them, each for one property of the server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FEATURES, CLASSES = 64, 10
WEIGHTS = np.random.default_rng(0).normal(size=(FEATURES, CLASSES)).astype(np.float32)
Shape = Sequence[int | str] | None


def tensor(name: str, element_type: int, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element_type, shape)


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    *,
    initializers: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
    ir_version: int = 8,
    domains: Sequence[str] = (),
    external: str | None = None,
) -> Path:
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=list(initializers))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = ir_version
    if external is None:
        onnx.save(model, path)
    else:
        onnx.save(model, path, save_as_external_data=True, location=external, size_threshold=0)
    return path


def linear(path: Path, *, external: str | None = None) -> Path:
    """y = x · WEIGHTS: FP32 [N, 64] to FP32 [N, 10]."""
    return save(
        path,
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N", FEATURES])],
        [tensor("y", TensorProto.FLOAT, ["N", CLASSES])],
        initializers=[numpy_helper.from_array(WEIGHTS, "w")],
        external=external,
    )


def shift(path: Path, by: float) -> Path:
    """y = x + `by`: FP32 [N] both, so that an answer tells which model gave it. Makes the file's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(
        path,
        [helper.make_node("Add", ["x", "by"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N"])],
        [tensor("y", TensorProto.FLOAT, ["N"])],
        initializers=[numpy_helper.from_array(np.array(by, np.float32), "by")],
    )


def large(path: Path, weights: int) -> Path:
    """y = x · w, where w takes `weights` bytes. Makes the file's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = weights // 4 // 1024
    return save(
        path,
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N", 1024])],
        [tensor("y", TensorProto.FLOAT, ["N", columns])],
        initializers=[numpy_helper.from_array(np.ones((1024, columns), np.float32), "w")],
    )


IDENTITY_TYPES = {
    "S": TensorProto.STRING,
    "H": TensorProto.FLOAT16,
    "B": TensorProto.BOOL,
    "F": TensorProto.FLOAT,
    "D": TensorProto.DOUBLE,
    "I8": TensorProto.INT8,
    "I16": TensorProto.INT16,
    "I32": TensorProto.INT32,
    "I64": TensorProto.INT64,
    "U8": TensorProto.UINT8,
    "U16": TensorProto.UINT16,
    "U32": TensorProto.UINT32,
    "U64": TensorProto.UINT64,
}


def identities(path: Path, *, shape: Shape = ("N",), **types: int) -> Path:
    """One Identity of `shape` for each of `types`: S=... makes IN_S to OUT_S."""
    return save(
        path,
        [helper.make_node("Identity", [f"IN_{key}"], [f"OUT_{key}"]) for key in types],
        [tensor(f"IN_{key}", element_type, shape) for key, element_type in types.items()],
        [tensor(f"OUT_{key}", element_type, shape) for key, element_type in types.items()],
    )


def softmax_over_rows(path: Path) -> Path:
    """Looks like a model that takes rows, and is none: FP32 [N, 3] both, each row acts on all others."""
    return save(
        path,
        [helper.make_node("Softmax", ["x"], ["y"], axis=0)],
        [tensor("x", TensorProto.FLOAT, ["N", 3])],
        [tensor("y", TensorProto.FLOAT, ["N", 3])],
    )


def bfloat16_to_float(path: Path) -> Path:
    """BF16 in beside a string, FP32 out: bfloat16 as an input only."""
    inputs = [tensor("x", TensorProto.BFLOAT16, ["N"]), tensor("s", TensorProto.STRING, ["N"])]
    outputs = [tensor("y", TensorProto.FLOAT, ["N"]), tensor("t", TensorProto.STRING, ["N"])]
    cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
    return save(path, [cast, helper.make_node("Identity", ["s"], ["t"])], inputs, outputs)


def identity(path: Path, element_type: int, shape: Shape, **options: Any) -> Path:
    """x to y, of any type and shape."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return save(path, [node], [tensor("x", element_type, shape)], [tensor("y", element_type, shape)], **options)


def custom(path: Path, operator: str, domain: str = "") -> Path:
    """A model with an operator that no runtime has."""
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    value = TensorProto.FLOAT
    return save(path, [node], [tensor("x", value, [1])], [tensor("y", value, [1])], domains=[domain] if domain else [])


def lookup(path: Path) -> Path:
    """y = table[x], four entries: an index from outside is the input's fault."""
    table = numpy_helper.from_array(np.arange(4, dtype=np.float32), "t")
    return save(
        path,
        [helper.make_node("Gather", ["t", "x"], ["y"])],
        [tensor("x", TensorProto.INT64, ["N"])],
        [tensor("y", TensorProto.FLOAT, ["N"])],
        initializers=[table],
    )


def addition(path: Path) -> Path:
    """y = a + b over two lengths that the signature does not tie together: 2 and 3 make the model fail."""
    return save(
        path,
        [helper.make_node("Add", ["a", "b"], ["y"])],
        [tensor("a", TensorProto.FLOAT, ["N"]), tensor("b", TensorProto.FLOAT, ["M"])],
        [tensor("y", TensorProto.FLOAT, None)],
    )


def reshape(path: Path, *, declared: bool) -> Path:
    """y = x reshaped to [7, 7]: refuses every x but one of 49 values, which its declared shape says or hides."""
    shape: Shape = ["N", 48] if declared else ["N", "M"]
    target = numpy_helper.from_array(np.array([7, 7], dtype=np.int64), "s")
    return save(
        path,
        [helper.make_node("Reshape", ["x", "s"], ["y"])],
        [tensor("x", TensorProto.FLOAT, shape)],
        [tensor("y", TensorProto.FLOAT, None)],
        initializers=[target],
    )


def tokens(path: Path) -> Path:
    """Over ids and mask [N, L]: hidden = ids · mask [N, L], total = its sum by row, width = L for each row."""
    one = numpy_helper.from_array(np.array(1, dtype=np.int64), "one")
    axes = numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")
    return save(
        path,
        [
            helper.make_node("Mul", ["ids", "mask"], ["hidden"]),
            helper.make_node("ReduceSum", ["hidden", "axes"], ["total"], keepdims=0),
            helper.make_node("Sub", ["ids", "ids"], ["zeros"]),
            helper.make_node("Add", ["zeros", "one"], ["ones"]),
            helper.make_node("ReduceSum", ["ones", "axes"], ["width"], keepdims=0),
        ],
        [tensor(name, TensorProto.INT64, ["N", "L"]) for name in ("ids", "mask")],
        [
            tensor("hidden", TensorProto.INT64, ["N", "L"]),
            tensor("total", TensorProto.INT64, ["N"]),
            tensor("width", TensorProto.INT64, ["N"]),
        ],
        initializers=[one, axes],
    )


def busy(path: Path) -> Path:
    """A model that works as long as its input says: `rounds` (INT64 [1]) products of matrices; answers `rounds`."""
    size = 192
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still"]),
            helper.make_node("MatMul", ["m", "w"], ["m_next"]),
        ],
        "body",
        [
            tensor("i", TensorProto.INT64, []),
            tensor("go", TensorProto.BOOL, []),
            tensor("m", TensorProto.FLOAT, [size, size]),
        ],
        [tensor("still", TensorProto.BOOL, []), tensor("m_next", TensorProto.FLOAT, [size, size])],
        initializer=[numpy_helper.from_array(np.eye(size, dtype=np.float32), "w")],
    )
    return save(
        path,
        [
            helper.make_node("Squeeze", ["rounds"], ["count"]),
            helper.make_node("Loop", ["count", "", "start"], ["end"], body=body),
            helper.make_node("ReduceSum", ["end"], ["sum"], keepdims=0),
            helper.make_node("Identity", ["rounds"], ["y"]),
        ],
        [tensor("rounds", TensorProto.INT64, [1])],
        [tensor("y", TensorProto.INT64, [1]), tensor("sum", TensorProto.FLOAT, [])],
        initializers=[numpy_helper.from_array(np.eye(size, dtype=np.float32), "start")],
    )


def slow_to_load(path: Path) -> Path:
    """A model whose constants take ONNX Runtime seconds to fold while it loads; then y = x + a constant."""
    shape = numpy_helper.from_array(np.array([2600, 2600], dtype=np.int64), "shape")
    value = numpy_helper.from_array(np.array([1e-3], dtype=np.float32))
    nodes = [helper.make_node("ConstantOfShape", ["shape"], ["m0"], value=value)]
    nodes += [helper.make_node("MatMul", [f"m{i}", "m0"], [f"m{i + 1}"]) for i in range(6)]
    nodes += [helper.make_node("ReduceMax", ["m6"], ["c"], keepdims=0), helper.make_node("Add", ["x", "c"], ["y"])]
    inputs, outputs = [tensor("x", TensorProto.FLOAT, ["N"])], [tensor("y", TensorProto.FLOAT, ["N"])]
    return save(path, nodes, inputs, outputs, initializers=[shape])


def classifier(path: Path, *, zipmap: bool) -> Path:
    """A scikit-learn classifier; with `zipmap` its probabilities are a sequence of maps."""
    from sklearn.linear_model import LogisticRegression

    features = np.random.default_rng(0).random((20, 4), dtype=np.float32)
    fitted = LogisticRegression().fit(features, [0, 1] * 10)
    return exported(path, fitted, features, **({} if zipmap else {"zipmap": False}))


def exported(path: Path, fitted: object, features: NDArray[np.float32], **options: object) -> Path:
    """A scikit-learn estimator as skl2onnx exports it; ZipMap is among its defaults."""
    from skl2onnx import to_onnx

    made = to_onnx(fitted, features[:1], options={id(fitted): options} if options else None)
    path.write_bytes(made.SerializeToString())
    return path
