"""Decode an inference request: JSON alone, JSON with binary tensors after it, or one raw tensor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from onnx_server.protocol import binary_tensor, json_tensor, parameters, raw_body, requested_outputs
from onnx_server.protocol.datatypes import BY_NAME, Datatype, Tensor
from onnx_server.protocol.errors import RequestError, bad_request, shown
from onnx_server.protocol.requested_outputs import RequestedOutput
from onnx_server.protocol.signature import Signature, TensorSpec

__all__ = ["InferRequest", "RequestedOutput", "check_rows", "decode", "form_of"]

# No tensor has more elements, and no shape overflows.
_LARGEST = 2**48
_NOTHING = memoryview(b"")


@dataclass(slots=True, eq=False)
class InferRequest:
    """A decoded request, not to be changed; only, to make a frozen one takes three times as long.

    `inputs` has every input of the model; `outputs` are in the client's order, never empty, and `names` are theirs
    where that is known already.

    `priority` is from 1, the most urgent; 0 is the lowest. `timeout` is in seconds. `heads` has the JSON of answers
    that were made before, by the shapes of the outputs, where requests share it (decoder.py): before binary outputs, or
    (`pieces`) around the lists of outputs in JSON.
    """

    id: str | None
    inputs: dict[str, Tensor]
    outputs: tuple[RequestedOutput, ...]
    rows: int
    priority: int = 0
    timeout: float | None = None
    heads: dict[tuple[tuple[int, ...], ...], bytes] | None = None
    pieces: dict[tuple[tuple[int, ...], ...], list[bytes]] | None = None
    names: tuple[str, ...] = ()


def decode(
    body: bytes | memoryview, header_length: int | None, signature: Signature, max_batch_size: int | None
) -> InferRequest:
    """Decode `body`. `header_length` is the value of Inference-Header-Content-Length; None: all of it is JSON.

    Raises RequestError 400 that names the field, what was expected and what came.
    """
    view = memoryview(body)
    if header_length == 0:
        inputs = raw_body.decode(view, signature)
        outputs = requested_outputs.of((), signature, binary=True)
        return InferRequest(None, inputs, outputs, check_rows(inputs, signature, max_batch_size))
    if header_length is not None and not 0 < header_length <= len(view):
        message = (
            f"Inference-Header-Content-Length must be from 0 to {len(view)}, the body's length; got {header_length}"
        )
        raise bad_request(message)
    document = _document(view[:header_length])
    binary = None if header_length is None else view[header_length:]
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise bad_request(f"'id' must be a string, got {shown(request_id)}")
    told = parameters.of_request(parameters.values(document, "the request"))
    inputs = _inputs(document, signature, binary)
    asked = () if document.get("outputs") is None else _entries(document, "outputs")
    outputs = requested_outputs.of(asked, signature, binary=told.binary_output)
    rows = check_rows(inputs, signature, max_batch_size)
    return InferRequest(request_id, inputs, outputs, rows, told.priority, told.timeout)


def check_rows(inputs: Mapping[str, Tensor], signature: Signature, limit: int | None) -> int:
    """Return the rows of a request: the largest first dimension where that is dynamic, else 1.

    Raises RequestError 400 for more than `limit`.
    """
    rows = [inputs[spec.name].shape[0] for spec in signature.inputs if spec.batches]
    if not rows:
        return 1
    largest: int = max(rows)
    if limit is not None and largest > limit:
        raise bad_request(f"the request has {largest} rows, and maxBatchSize is {limit}: send it in parts")
    return largest


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
    specs = signature.inputs_by_name
    inputs: dict[str, Tensor] = {}
    offset, end = 0, 0 if binary is None else len(binary)
    for entry in _entries(document, "inputs"):
        name = entry["name"]
        spec = specs.get(name)
        if spec is None:
            raise bad_request(f"input {shown(name)} is unknown: the model has {sorted(specs)}")
        if name in inputs:
            raise bad_request(f"input '{name}' is given twice")
        datatype, shape = form_of(entry, spec)
        size = _binary_size(entry, name, binary)
        if size is None:
            inputs[name] = json_tensor.decode(name, datatype, shape, entry.get("data"))
            continue
        if offset + size > end:
            message = f"input '{name}': binary_data_size is {size}, but {end - offset} bytes are left in the body"
            raise bad_request(message)
        part = _NOTHING if binary is None else binary[offset : offset + size]
        inputs[name] = binary_tensor.decode(name, datatype, shape, part)
        offset += size
    if offset != end:
        raise bad_request(f"the body has {end - offset} bytes more than the inputs' binary_data_size say")
    if len(inputs) != len(specs):
        missing = [name for name in specs if name not in inputs]
        raise bad_request(f"'inputs' lacks {missing}: the model needs {sorted(specs)}")
    return inputs


def form_of(entry: Mapping[str, Any], spec: TensorSpec) -> tuple[Datatype, tuple[int, ...]]:
    """Return the datatype and shape of the input that `entry` describes by `datatype` and `shape`.

    Raises RequestError 400 unless both are what `spec` takes.
    """
    sent, shape = entry.get("datatype"), entry.get("shape")
    datatype = spec.sent_as(sent) if isinstance(sent, str) else None
    if datatype is None or not isinstance(shape, list) or not _fits(shape, spec.shape):
        raise _misfit(entry, spec)
    return datatype, tuple(shape)


def _fits(shape: list[Any], declared: tuple[int, ...]) -> bool:
    if declared and len(shape) != len(declared):
        return False
    elements = 1
    for size, want in zip(shape, declared or (-1,) * len(shape), strict=True):
        # A boolean is an int as well, but not of that very type.
        if type(size) is not int or size < 0 or want not in {-1, size}:
            return False
        elements *= size or 1
    return elements <= _LARGEST


def _misfit(entry: Mapping[str, Any], spec: TensorSpec) -> RequestError:
    """Say which of datatype, kind of shape, size of shape and shape does not fit."""
    name, datatype, shape = spec.name, entry.get("datatype"), entry.get("shape")
    if not isinstance(datatype, str) or datatype not in BY_NAME:
        return bad_request(f"input '{name}': 'datatype' must be one of {', '.join(BY_NAME)}; got {shown(datatype)}")
    if spec.sent_as(datatype) is None:
        return bad_request(f"input '{name}': the model takes {spec.datatype.name}, got {datatype}")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size <= _LARGEST for size in shape):
        return bad_request(
            f"input '{name}': 'shape' must be a list of integers from 0 to {_LARGEST}, got {shown(shape)}"
        )
    if not spec.accepts(tuple(shape)):
        return bad_request(f"input '{name}': the model takes shape {list(spec.shape)}, got {shown(shape)}")
    return bad_request(f"input '{name}': shape {shown(shape)} is too large")


def _binary_size(entry: dict[str, Any], name: str, binary: memoryview | None) -> int | None:
    """Return how many bytes after the JSON are the input's; None where its values are in the JSON."""
    size = parameters.binary_size(parameters.values(entry, f"input '{name}'"), name)
    if size is None:
        if "data" not in entry:
            raise bad_request(f"input '{name}' has neither 'data' nor the parameter 'binary_data_size'")
        return None
    # kserve's client sends "data": null, and no header, with a size of 0.
    if entry.get("data") is not None:
        raise bad_request(f"input '{name}' has both 'data' and the parameter 'binary_data_size'")
    if size and binary is None:
        message = f"input '{name}' has 'binary_data_size', but the header Inference-Header-Content-Length is missing"
        raise bad_request(message)
    return size


def _entries(document: dict[str, Any], field: str) -> list[dict[str, Any]]:
    entries = document.get(field)
    if not isinstance(entries, list):
        raise bad_request(f"'{field}' must be a list, got {'nothing' if entries is None else shown(entries)}")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise bad_request(f"'{field}[{index}]' must be an object with a string 'name'")
    return entries
