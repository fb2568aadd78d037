"""Decode a ModelInferRequest: raw tensors, or typed contents."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from onnx_server.protocol import binary_tensor, parameters, request, requested_outputs
from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import bad_request, shown
from onnx_server.protocol.request import InferRequest
from onnx_server.protocol.signature import Signature

# Datatype -> the field of InferTensorContents that holds it.
_FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def decode(message: Any, signature: Signature, max_batch_size: int | None) -> InferRequest:
    """Decode `message`, a ModelInferRequest. Raises RequestError 400 as the REST request with the same fault does."""
    given = _parameters(message.parameters)
    told = parameters.of_request({name: value for name, value in given.items() if name != _EMPTY_FINAL})
    inputs = _inputs(message, signature)
    entries: Iterable[Mapping[str, Any]] = (
        {"name": output.name, "parameters": _parameters(output.parameters)} for output in message.outputs
    )
    outputs = requested_outputs.of(entries, signature, binary=True)
    rows = request.check_rows(inputs, signature, max_batch_size)
    return InferRequest(message.id or None, inputs, outputs, rows, told.priority, told.timeout)


def _inputs(message: Any, signature: Signature) -> dict[str, Tensor]:
    specs, raw = signature.inputs_by_name, message.raw_input_contents
    tensors = message.inputs
    if raw and len(raw) != len(tensors):
        raise bad_request(
            f"raw_input_contents must have one entry for each of the {len(tensors)} inputs, got {len(raw)}"
        )
    inputs: dict[str, Tensor] = {}
    for index, tensor in enumerate(tensors):
        name = tensor.name
        spec = specs.get(name)
        if spec is None:
            raise bad_request(f"input {shown(name)} is unknown: the model has {sorted(specs)}")
        if name in inputs:
            raise bad_request(f"input '{name}' is given twice")
        datatype, shape = request.form_of({"datatype": tensor.datatype, "shape": list(tensor.shape)}, spec)
        if tensor.parameters:
            parameters.binary_size(_parameters(tensor.parameters), name)
        if not raw:
            inputs[name] = _typed(name, datatype, shape, tensor.contents)
        elif tensor.HasField("contents"):
            raise bad_request(f"input '{name}' has contents, which may not be together with raw_input_contents")
        else:
            inputs[name] = binary_tensor.decode(name, datatype, shape, memoryview(raw[index]))
    if len(inputs) != len(specs):
        missing = [name for name in specs if name not in inputs]
        raise bad_request(f"'inputs' lacks {missing}: the model needs {sorted(specs)}")
    return inputs


def _typed(name: str, datatype: Datatype, shape: tuple[int, ...], contents: Any) -> Tensor:
    field = _FIELDS.get(datatype.name)
    if field is None:
        raise bad_request(f"input '{name}': {datatype.name} has no typed contents: send it in raw_input_contents")
    others = [descriptor.name for descriptor, _ in contents.ListFields() if descriptor.name != field]
    if others:
        raise bad_request(f"input '{name}': {datatype.name} goes in {field}, got {', '.join(others)}")
    values = getattr(contents, field)
    expected = math.prod(shape)
    if len(values) != expected:
        raise bad_request(f"input '{name}': shape {list(shape)} needs {expected} values in {field}, got {len(values)}")
    if datatype.name == "BYTES":
        return _elements(name, values, text=not datatype.opaque).reshape(shape)
    if datatype.dtype.kind in "iu" and expected:
        limits = np.iinfo(datatype.dtype)
        for value in (min(values), max(values)):
            if not limits.min <= value <= limits.max:
                raise bad_request(f"input '{name}': {value} is outside of {datatype.name}")
    return np.array(values, dtype=datatype.dtype).reshape(shape)


def _elements(name: str, values: Iterable[bytes], *, text: bool) -> Tensor:
    elements: list[str | bytes] = []
    for index, value in enumerate(values):
        try:
            elements.append(value.decode() if text else value)
        except UnicodeDecodeError as error:
            message = f"input '{name}': BYTES element {index} is not UTF-8, which ONNX strings are"
            raise bad_request(message) from error
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def _parameters(given: Any) -> Mapping[str, Any]:
    if not given:
        return _NONE
    return {name: getattr(value, value.WhichOneof("parameter_choice") or "", None) for name, value in given.items()}


_NONE: Mapping[str, Any] = {}
# What clients of streams ask for so that a request without answers ends, too: here each has one.
_EMPTY_FINAL = "triton_enable_empty_final_response"
