"""Encode the answer to an inference request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from onnx_server.protocol import binary_tensor, classification, json_tensor
from onnx_server.protocol.datatypes import BY_NAME, Datatype, Tensor
from onnx_server.protocol.request import InferRequest, RequestedOutput

_BYTES = BY_NAME["BYTES"]
_HEADS_LIMIT = 64
# Up to here copying the bytes of a tensor costs less than a view of them.
_SMALL_BYTES = 4096
_EMPTY = b'"data":[]'


@dataclass(slots=True, eq=False)
class Response:
    """A body in parts, to be sent one after the other; `header_length` is that of the JSON before binary tensors."""

    parts: tuple[bytes | memoryview, ...]
    header_length: int | None

    @property
    def length(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.parts))


def answered(output: RequestedOutput, array: Tensor) -> tuple[Datatype, Tensor]:
    """Return what the client gets for the model's `array`: the array itself, or its highest classes as BYTES."""
    spec = output.spec
    if not output.classes:
        return spec.datatype, array
    return _BYTES, classification.strongest(spec.datatype, array, output.classes, batches=spec.batches)


def encode(request: InferRequest, results: Sequence[Tensor], model_name: str, model_version: str) -> Response:
    """Encode `results`, in the order of `request.outputs`, each in the form that was asked for."""
    heads = request.heads
    if heads is None:
        if request.pieces is not None:
            return _around_lists(request, request.pieces, results, model_name, model_version)
        return _encoded(request, results, model_name, model_version)
    shapes = tuple([array.shape for array in results])
    head = heads.get(shapes)
    if head is None:
        answer = _encoded(request, results, model_name, model_version)
        if isinstance(answer.parts[0], bytes) and len(heads) < _HEADS_LIMIT:
            heads[shapes] = answer.parts[0]
        return answer
    outputs = request.outputs
    parts: list[bytes | memoryview] = [head]
    for index, array in enumerate(results):
        datatype = outputs[index].spec.datatype
        if array.nbytes <= _SMALL_BYTES and array.dtype is datatype.dtype:
            parts.append(array.tobytes())
        else:
            parts.append(binary_tensor.encode(datatype, array))
    return Response(tuple(parts), len(head))


def _around_lists(
    request: InferRequest,
    known: dict[tuple[tuple[int, ...], ...], list[bytes]],
    results: Sequence[Tensor],
    model_name: str,
    model_version: str,
) -> Response:
    """Encode outputs that are all lists of numbers, within the JSON that answers with these shapes share."""
    shapes = tuple([array.shape for array in results])
    pieces = known.get(shapes)
    if pieces is None:
        pieces = _pieces(request, shapes, model_name, model_version)
        if len(known) < _HEADS_LIMIT:
            known[shapes] = pieces
    body = [pieces[0]]
    for index, array in enumerate(results):
        spec = request.outputs[index].spec
        values = json_tensor.encode(spec.name, spec.datatype, array)
        body += (orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY), pieces[index + 1])
    return Response((b"".join(body),), None)


def _pieces(
    request: InferRequest, shapes: Sequence[tuple[int, ...]], model_name: str, model_version: str
) -> list[bytes]:
    """Return the JSON before, between and after the lists of an answer."""
    entries: list[dict[str, Any]] = [
        {"name": output.spec.name, "datatype": output.spec.datatype.name, "shape": list(shape), "data": []}
        for output, shape in zip(request.outputs, shapes, strict=True)
    ]
    # Quotes within names are escaped: nothing but the lists looks like this.
    text = orjson.dumps(_document(request, entries, model_name, model_version)).split(_EMPTY)
    return [*(piece + _EMPTY[:-2] for piece in text[:-1]), text[-1]]


def _encoded(request: InferRequest, results: Sequence[Tensor], model_name: str, model_version: str) -> Response:
    entries: list[dict[str, Any]] = []
    buffers: list[memoryview] = []
    for output, array in zip(request.outputs, results, strict=True):
        name = output.spec.name
        datatype, tensor = answered(output, array)
        entry: dict[str, Any] = {"name": name, "datatype": datatype.name, "shape": list(tensor.shape)}
        if output.binary:
            buffer = binary_tensor.encode(datatype, tensor)
            entry["parameters"] = {"binary_data_size": len(buffer)}
            buffers.append(buffer)
        else:
            entry["data"] = json_tensor.encode(name, datatype, tensor)
        entries.append(entry)
    document = _document(request, entries, model_name, model_version)
    header = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response((header, *buffers), len(header) if buffers else None)


def _document(
    request: InferRequest, entries: list[dict[str, Any]], model_name: str, model_version: str
) -> dict[str, Any]:
    document: dict[str, Any] = {"model_name": model_name, "model_version": model_version, "outputs": entries}
    return document if request.id is None else {"id": request.id, **document}
