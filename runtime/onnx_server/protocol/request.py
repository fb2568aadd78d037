"""Decode an inference request: JSON alone, JSON with binary tensors after it, or one raw tensor."""

import math
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import orjson

from onnx_server.protocol import binary_tensor, json_tensor
from onnx_server.protocol.datatypes import BY_NAME, Datatype, Tensor
from onnx_server.protocol.errors import bad_request
from onnx_server.protocol.signature import Signature, TensorSpec

_UNSUPPORTED = ("shared_memory_region", "classification")


@dataclass(frozen=True)
class RequestedOutput:
    """An output to answer with, in binary or JSON form; as its `classes` highest classes where that is not 0."""

    spec: TensorSpec
    binary: bool
    classes: int = 0


@dataclass(frozen=True)
class InferRequest:
    """A decoded request. `inputs` has every input of the model; `outputs` are in the client's order, never empty.

    `priority` is from 1, the most urgent; 0 is the lowest. `timeout` is in seconds.
    """

    id: str | None
    inputs: dict[str, Tensor]
    outputs: tuple[RequestedOutput, ...]
    rows: int
    priority: int = 0
    timeout: float | None = None


def decode(body: bytes, header_length: int | None, signature: Signature, max_batch_size: int | None) -> InferRequest:
    """Decode `body`. `header_length` is the value of Inference-Header-Content-Length; None: all of it is JSON.

    Raises RequestError 400 that names the field, what was expected and what came.
    """
    view = memoryview(body)
    if header_length == 0:
        return _checked_rows(_raw(view, signature), signature, max_batch_size)
    if header_length is not None and not 0 < header_length <= len(view):
        message = (
            f"Inference-Header-Content-Length must be from 0 to {len(view)}, the body's length; got {header_length}"
        )
        raise bad_request(message)
    document = _document(view[:header_length])
    binary = None if header_length is None else view[header_length:]
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise bad_request(f"'id' must be a string, got {request_id!r}")
    parameters = _parameters(document, "the request")
    inputs = _inputs(document, signature, binary)
    outputs = _outputs(document, signature, default=_flag(parameters, "binary_data_output", "the request") or False)
    priority, timeout = _priority(parameters), _timeout(parameters)
    decoded = InferRequest(request_id, inputs, outputs, 1, priority, timeout)
    return _checked_rows(decoded, signature, max_batch_size)


def _document(header: memoryview) -> dict[str, Any]:
    try:
        document = orjson.loads(header)
    except orjson.JSONDecodeError as error:
        message = (
            f"the request is not JSON: {error} (a body with binary tensors needs the header "
            "Inference-Header-Content-Length)"
        )
        raise bad_request(message) from None
    if not isinstance(document, dict):
        raise bad_request(f"the request must be a JSON object, got {type(document).__name__}")
    return document


def _inputs(document: dict[str, Any], signature: Signature, binary: memoryview | None) -> dict[str, Tensor]:
    entries = _entries(document, "inputs")
    specs = {spec.name: spec for spec in signature.inputs}
    inputs: dict[str, Tensor] = {}
    offset = 0
    for entry in entries:
        name = entry["name"]
        spec = specs.get(name)
        if spec is None:
            raise bad_request(f"input '{name}' is unknown: the model has {sorted(specs)}")
        if name in inputs:
            raise bad_request(f"input '{name}' is given twice")
        datatype, shape = _form(entry, spec)
        size = _binary_size(entry, name, binary)
        if size is None:
            inputs[name] = json_tensor.decode(name, datatype, shape, entry.get("data"))
            continue
        if binary is None or offset + size > len(binary):
            left = 0 if binary is None else len(binary) - offset
            raise bad_request(f"input '{name}': binary_data_size is {size}, but {left} bytes are left in the body")
        inputs[name] = binary_tensor.decode(name, datatype, shape, binary[offset : offset + size])
        offset += size
    if binary is not None and offset != len(binary):
        raise bad_request(f"the body has {len(binary) - offset} bytes more than the inputs' binary_data_size say")
    missing = [name for name in specs if name not in inputs]
    if missing:
        raise bad_request(f"'inputs' lacks {missing}: the model needs {sorted(specs)}")
    return inputs


def _form(entry: dict[str, Any], spec: TensorSpec) -> tuple[Datatype, tuple[int, ...]]:
    name, sent, shape = entry["name"], entry.get("datatype"), entry.get("shape")
    if not isinstance(sent, str) or sent not in BY_NAME:
        raise bad_request(f"input '{name}': 'datatype' must be one of {', '.join(BY_NAME)}; got {sent!r}")
    datatype = spec.sent_as(sent)
    if datatype is None:
        raise bad_request(f"input '{name}': the model takes {spec.datatype.name}, got {sent}")
    if not isinstance(shape, list) or not all(_is_count(size) for size in shape):
        raise bad_request(f"input '{name}': 'shape' must be a list of integers from 0 to {_LARGEST}, got {shape!r}")
    if not spec.accepts(tuple(shape)):
        raise bad_request(f"input '{name}': the model takes shape {list(spec.shape)}, got {shape}")
    if math.prod(size or 1 for size in shape) > _LARGEST:
        raise bad_request(f"input '{name}': shape {shape} is too large")
    return datatype, tuple(shape)


_LARGEST = 2**48


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _binary_size(entry: dict[str, Any], name: str, binary: memoryview | None) -> int | None:
    parameters = _parameters(entry, f"input '{name}'")
    size = parameters.get("binary_data_size")
    if size is None:
        if "data" not in entry:
            raise bad_request(f"input '{name}' has neither 'data' nor the parameter 'binary_data_size'")
        return None
    if "data" in entry:
        raise bad_request(f"input '{name}' has both 'data' and the parameter 'binary_data_size'")
    if not _is_count(size):
        raise bad_request(f"input '{name}': 'binary_data_size' must be a number of bytes, got {size!r}")
    if binary is None:
        message = f"input '{name}' has 'binary_data_size', but the header Inference-Header-Content-Length is missing"
        raise bad_request(message)
    return size


def _outputs(document: dict[str, Any], signature: Signature, *, default: bool) -> tuple[RequestedOutput, ...]:
    specs = {spec.name: spec for spec in signature.outputs}
    chosen: dict[str, RequestedOutput] = {}
    for entry in _entries(document, "outputs") if document.get("outputs") is not None else []:
        name = entry["name"]
        if name not in specs:
            raise bad_request(f"output '{name}' is unknown: the model has {sorted(specs)}")
        if name in chosen:
            raise bad_request(f"output '{name}' is asked for twice")
        binary = _flag(_parameters(entry, f"output '{name}'"), "binary_data", f"output '{name}'")
        chosen[name] = RequestedOutput(specs[name], default if binary is None else binary)
    outputs = tuple(chosen.values()) or tuple(RequestedOutput(spec, default) for spec in signature.outputs)
    for output in outputs:
        if not output.binary and not output.spec.datatype.in_json:
            message = (
                f"output '{output.spec.name}': {output.spec.datatype.name} has no JSON form: ask for it with the "
                "parameter binary_data: true (or binary_data_output: true for all)"
            )
            raise bad_request(message)
    return outputs


def _entries(document: dict[str, Any], field: str) -> list[dict[str, Any]]:
    entries = document.get(field)
    if not isinstance(entries, list):
        raise bad_request(f"'{field}' must be a list, got {'nothing' if entries is None else repr(entries)[:80]}")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise bad_request(f"'{field}[{index}]' must be an object with a string 'name'")
    return entries


def _parameters(entry: dict[str, Any], owner: str) -> dict[str, Any]:
    parameters = entry.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise bad_request(f"'parameters' of {owner} must be an object, got {parameters!r}")
    for name in _UNSUPPORTED:
        if name in parameters:
            raise bad_request(f"the parameter '{name}' of {owner} is not supported by this server")
    return parameters


def _flag(parameters: dict[str, Any], name: str, owner: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"the parameter '{name}' of {owner} must be true or false, got {value!r}")
    return value


def _raw(body: memoryview, signature: Signature) -> InferRequest:
    """Decode a body that is nothing but the one input's bytes; its one dynamic dimension follows from their number."""
    outputs = tuple(RequestedOutput(spec, binary=True) for spec in signature.outputs)
    if len(signature.inputs) != 1:
        message = f"a raw binary body needs a model with one input, this one has {len(signature.inputs)}"
        raise bad_request(message)
    spec = signature.inputs[0]
    if spec.datatype.name == "BYTES":
        # As Triton does: the whole body is one element, without a length before it.
        body = memoryview(len(body).to_bytes(4, "little") + body.tobytes())
        shape = tuple(1 if size == -1 else size for size in spec.shape)
        return InferRequest(None, {spec.name: binary_tensor.decode(spec.name, spec.datatype, shape, body)}, outputs, 1)
    if spec.shape.count(-1) > 1 or not spec.shape:
        message = f"a raw binary body needs an input with at most one dynamic dimension, '{spec.name}' has {spec.shape}"
        raise bad_request(message)
    row = math.prod(size for size in spec.shape if size != -1) * spec.datatype.size
    dynamic = len(body) // row if row else 0
    shape = tuple(dynamic if size == -1 else size for size in spec.shape)
    return InferRequest(None, {spec.name: binary_tensor.decode(spec.name, spec.datatype, shape, body)}, outputs, 1)


def _checked_rows(request: InferRequest, signature: Signature, limit: int | None) -> InferRequest:
    rows = [request.inputs[spec.name].shape[0] for spec in signature.inputs if spec.batches]
    if not rows:
        return request
    largest = max(rows)
    if limit is not None and largest > limit:
        raise bad_request(f"the request has {largest} rows, and maxBatchSize is {limit}: send it in parts")
    return replace(request, rows=largest)


def _priority(parameters: dict[str, Any]) -> int:
    value = parameters.get("priority", 0)
    if not _is_count(value):
        raise bad_request(f"the parameter 'priority' of the request must be an integer from 0, got {value!r}")
    return value


def _timeout(parameters: dict[str, Any]) -> float | None:
    """Return seconds; the protocol has microseconds, and 0 for none."""
    value = parameters.get("timeout", 0)
    if not _is_count(value):
        message = f"the parameter 'timeout' of the request must be an integer of microseconds from 0, got {value!r}"
        raise bad_request(message)
    return value / 1e6 or None
