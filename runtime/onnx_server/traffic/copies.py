"""A copy of a request as the candidate gets it, and its answer: both in the protocol's binary form. Pure.

The form is the same whatever the client's was, JSON or gRPC: it costs both servers least, and loses no bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from onnx_server.preparation import bfloat16
from onnx_server.protocol import binary_tensor
from onnx_server.protocol.datatypes import BY_NAME, Datatype, Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.traffic.message import Answer, Request, head

LARGE_BYTES = 1024 * 1024
"""What is larger is not copied on an event loop, where all else would wait for it."""
LENGTH = b"inference-header-content-length"
_JSON = b"application/json"
_BINARY = b"application/octet-stream"


class UnreadableAnswerError(Exception):
    """An answer with status 200 is not one of the protocol's, in the form that was asked for."""


def request(
    model: str, signature: Signature, inputs: Mapping[str, Tensor], limit: int, names: Sequence[str] = ()
) -> Request:
    """Return the request for these outputs of `model`, or all, of an answer of at most `limit` bytes.

    What no client asked for must not cost the candidate time, or make its answer too large.
    """
    header, parts = binary_form(signature, inputs, names)
    headers = [(b"content-type", _BINARY), (LENGTH, b"%d" % len(header))]
    return Request(head(f"/v2/models/{model}/infer".encode(), headers), b"".join((header, *parts)), limit)


def binary_form(
    signature: Signature, inputs: Mapping[str, Tensor], names: Sequence[str] = ()
) -> tuple[bytes, list[memoryview]]:
    """Return a request's JSON, for these outputs or all, and the bytes of the tensors that follow it."""
    entries: list[dict[str, Any]] = []
    parts: list[memoryview] = []
    for name, array in inputs.items():
        sent = datatype(signature.inputs_by_name[name], array)
        part = binary_tensor.encode(sent, array)
        entry = {"name": name, "datatype": sent.name, "shape": array.shape}
        entries.append(entry | {"parameters": {"binary_data_size": len(part)}})
        parts.append(part)
    asked = {"outputs": [{"name": name} for name in names]} if names else {}
    return orjson.dumps({"inputs": entries, "parameters": {"binary_data_output": True}} | asked), parts


def datatype(spec: TensorSpec, array: Tensor) -> Datatype:
    """Return as what a client sent `array`: the model's own datatype, or one that is taken in its place."""
    return next((each for each in (spec.datatype, *spec.also) if each.dtype == array.dtype), spec.datatype)


def fit(signature: Signature, inputs: Mapping[str, Tensor]) -> bool:
    """Return whether a client might send `inputs`."""
    specs = signature.inputs_by_name
    return inputs.keys() == specs.keys() and all(
        specs[name].accepts(array.shape)
        and any(each.dtype == array.dtype for each in (specs[name].datatype, *specs[name].also))
        for name, array in inputs.items()
    )


def outputs(answer: Answer) -> dict[str, Tensor]:
    """Return the tensors of an answer by name. Raises UnreadableAnswerError."""
    length = next((value for name, value in answer.headers if name == LENGTH), b"")
    body = memoryview(answer.body)
    if not length.isdigit() or int(length) > len(body):
        raise UnreadableAnswerError("it has no inference-header-content-length, or a wrong one")
    try:
        entries = orjson.loads(body[: int(length)])["outputs"]
        return _tensors(entries, body[int(length) :])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError, RequestError) as error:
        raise UnreadableAnswerError(str(error)) from error


def _tensors(entries: Sequence[Mapping[str, Any]], data: memoryview) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    offset = 0
    for entry in entries:
        name, size = str(entry["name"]), int(entry["parameters"]["binary_data_size"])
        shape = tuple(int(each) for each in entry["shape"])
        part = data[offset : offset + size]
        if size < 0 or len(part) < size or min(shape, default=0) < 0:
            raise ValueError(f"output '{name}' does not fit into the body")
        array = binary_tensor.decode(name, BY_NAME[entry["datatype"]], shape, part)
        # This pod's output may be of another datatype: then nothing else would tell bfloat16's bits from integers.
        tensors[name] = array.view(bfloat16.SENT.dtype) if entry["datatype"] == "BF16" else array
        offset += size
    return tensors


def size(tensors: Mapping[str, Tensor]) -> int:
    """Return the bytes of tensors; of strings those of their characters, if each had one."""
    return sum(
        sum(map(len, array.ravel().tolist())) if array.dtype.kind == "O" else array.nbytes for array in tensors.values()
    )


def has_strings(*tensors: Mapping[str, Tensor]) -> bool:
    """Return whether there are strings, which cost more in binary form than in JSON."""
    return any(array.dtype.kind == "O" for each in tensors for array in each.values())


def kept(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors that hold no more memory than their own: an output may be a few rows of a large batch's."""
    return {name: array.copy() if _is_part(array) else array for name, array in tensors.items()}


def _is_part(array: Tensor) -> bool:
    return isinstance(array.base, np.ndarray) and array.base.nbytes > array.nbytes
