"""Encode the answer to an inference request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from onnx_server.protocol import binary_tensor, json_tensor
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.request import InferRequest


@dataclass(frozen=True)
class Response:
    """A body in parts, to be sent one after the other; `header_length` is that of the JSON before binary tensors."""

    parts: tuple[bytes | memoryview, ...]
    header_length: int | None

    @property
    def length(self) -> int:
        """Bytes in all."""
        return sum(len(part) for part in self.parts)


def encode(request: InferRequest, results: Sequence[Tensor], model_name: str, model_version: str) -> Response:
    """Encode `results`, in the order of `request.outputs`, each in the form that was asked for."""
    entries: list[dict[str, Any]] = []
    buffers: list[memoryview] = []
    for output, array in zip(request.outputs, results, strict=True):
        spec = output.spec
        entry: dict[str, Any] = {"name": spec.name, "datatype": spec.datatype.name, "shape": list(array.shape)}
        if output.binary:
            buffer = binary_tensor.encode(spec.datatype, array)
            entry["parameters"] = {"binary_data_size": len(buffer)}
            buffers.append(buffer)
        else:
            entry["data"] = json_tensor.encode(spec.name, spec.datatype, array)
        entries.append(entry)
    document: dict[str, Any] = {"model_name": model_name, "model_version": model_version, "outputs": entries}
    if request.id is not None:
        document = {"id": request.id, **document}
    header = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response((header, *buffers), len(header) if buffers else None)
