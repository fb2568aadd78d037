"""Small ONNX models whose answers tell which version gave them, and the ONNXModels that ask for them."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import tritonclient.http as triton
from onnx import TensorProto, helper

Object = dict[str, Any]
T = TypeVar("T")

AT_ONCE: Object = {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0}
"""`spec.rollout` with which a new version takes over as soon as its pods are ready, and the old one goes."""


def scale_model(factor: float) -> bytes:
    """Return a model ``y = factor * x``, with x and y FP32 of shape [-1, 2]."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        "scale",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


class Store:
    """A bucket of a running S3 server, whose folder is ``folder``; ``secret`` is what opens it."""

    def __init__(self, folder: Path, bucket: str, environment: dict[str, str]) -> None:
        self.folder, self.bucket, self.environment = folder / bucket, bucket, environment
        self.folder.mkdir()

    def put(self, key: str, data: bytes) -> str:
        """Store an object; return its URI."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return self.uri(key)

    def uri(self, key: str) -> str:
        """Return the URI of an object, there or not."""
        return f"s3://{self.bucket}/{key}"

    def secret(self, name: str = "store", **changed: str) -> Object:
        """Return the Secret that opens the bucket, with some of its entries changed."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {**self.environment, **changed},
        }


def onnx_model(name: str, uri: str, **spec: Any) -> Object:
    """Return an ONNXModel with small resources whose new versions take over at once.

    ``spec`` is merged over, one level deep in ``model``.
    """
    source = {"uri": uri, "credentials": {"secretName": "store"}, **spec.pop("model", {})}
    return {
        "apiVersion": "onnx-operator.dev/v1alpha1",
        "kind": "ONNXModel",
        "metadata": {"name": name},
        "spec": {
            "model": source,
            "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
            "rollout": AT_ONCE,
            **spec,
        },
    }


def factor_answered(address: str, model: str) -> float:
    """Ask a model of ``scale_model`` for one row, as any user of tritonclient does; return the factor it answers with.

    ``address`` is host:port. Raises tritonclient's InferenceServerException, or what the connection raises.
    """
    with triton.InferenceServerClient(address, connection_timeout=5.0, network_timeout=5.0) as client:
        rows = triton.InferInput("x", [1, 2], "FP32")
        rows.set_data_from_numpy(np.array([[1.0, 2.0]], np.float32))
        answer = client.infer(model, [rows]).as_numpy("y")
    assert answer is not None
    assert answer[0, 1] == 2 * answer[0, 0]
    return float(answer[0, 0])


def first_answer(address: str, model: str, patience: float = 30.0) -> float:
    """Return the factor that a model answers with once the node knows its Service."""
    return _reached(lambda: factor_answered(address, model), patience)


def answering(address: str, model: str, patience: float = 30.0) -> None:
    """Wait until the node knows the Service of a model whose pods are ready."""

    def ready() -> bool:
        with triton.InferenceServerClient(address, connection_timeout=5.0, network_timeout=5.0) as client:
            return bool(client.is_model_ready(model))

    assert _reached(ready, patience)


def _reached(ask: Callable[[], T], patience: float) -> T:
    """Ask until there is a connection.

    kube-proxy needs about a second after a pod is ready; until then the node refuses connections to the Service, or
    knows no way to it.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return ask()
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
