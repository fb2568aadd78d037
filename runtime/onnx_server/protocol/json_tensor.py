"""Tensors as JSON lists: nested like the shape, or flat in row-major order."""

import math
import struct
from typing import Any

import numpy as np

from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import RequestError, bad_request

_WANTED = {"b": "booleans", "i": "integers", "u": "integers", "f": "numbers", "O": "strings"}
_CAME = {
    frozenset({bool}): "booleans",
    frozenset({int}): "integers",
    frozenset({float}): "numbers",
    frozenset({int, float}): "numbers",
    frozenset({str}): "strings",
}
# The struct module's codes, for the datatypes that JSON numbers may be.
_PACKED = {
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP32": "f",
    "FP64": "d",
}
_TAKEN: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "f": {int, float}, "O": {str}}


def decode(name: str, datatype: Datatype, shape: tuple[int, ...], data: object) -> Tensor:
    """Return the tensor of `shape` that the JSON value `data` of input `name` holds.

    Raises RequestError 400 for anything but a list with the right number of values of the right kind, in range.
    """
    if not datatype.in_json:
        message = f"input '{name}': {datatype.name} has no JSON form: send it as binary data (binary_data_size)"
        raise bad_request(message)
    if not isinstance(data, list):
        raise bad_request(f"input '{name}': 'data' must be a list, got {_kind_of(data)}")
    flat = _flattened(name, shape, data) if data and isinstance(data[0], list) else data
    tensor = _values(name, datatype, flat)
    expected = math.prod(shape)
    if tensor.size != expected:
        raise bad_request(f"input '{name}': shape {list(shape)} needs {expected} values in 'data', got {tensor.size}")
    return tensor.reshape(shape)


def encode(name: str, datatype: Datatype, array: Tensor) -> object:
    """Return the flat JSON form of an output: what orjson turns into a list. NaN and infinities become null.

    Raises RequestError 400 for a datatype that has none.
    """
    if not datatype.in_json:
        message = f"output '{name}': {datatype.name} has no JSON form: ask for it with the parameter binary_data: true"
        raise bad_request(message)
    if datatype.name == "BYTES":
        return array.ravel().tolist()
    return np.ascontiguousarray(array).ravel()


def _flattened(name: str, shape: tuple[int, ...], data: list[Any]) -> list[Any]:
    """Return the values of nested lists. numpy looks for their nesting, and leaves uneven lists in as values."""
    nested = np.array(data, dtype=object)
    values: list[Any] = nested.ravel().tolist()
    if list in set(map(type, values)):
        raise bad_request(f"input '{name}': 'data' is neither flat nor evenly nested")
    if nested.size and nested.shape != shape:
        message = f"input '{name}': 'data' is nested as {list(nested.shape)}, but the shape is {list(shape)}"
        raise bad_request(message)
    return values


def _values(name: str, datatype: Datatype, flat: list[Any]) -> Tensor:
    """Return the values as a tensor of one dimension, each checked for its kind and range."""
    kind = datatype.dtype.kind
    if kind in "bO":
        if not set(map(type, flat)) <= _TAKEN[kind]:
            raise _wrong_kind(name, datatype, flat)
        tensor = np.empty(len(flat), dtype=datatype.dtype)
        tensor[:] = flat
        return tensor
    if kind == "f":
        return _floats(name, datatype, flat)
    return _integers(name, datatype, flat)


def _floats(name: str, datatype: Datatype, flat: list[Any]) -> Tensor:
    try:
        # It takes numbers only, and asks for no more memory than they need; a fourth of what numpy takes for a list.
        packed = struct.pack(f"<{len(flat)}{_PACKED[datatype.name]}", *flat)
    except struct.error:
        raise _wrong_kind(name, datatype, flat) from None
    except OverflowError:
        if not set(map(type, flat)) <= _TAKEN["f"]:
            raise _wrong_kind(name, datatype, flat) from None
        largest = float(np.finfo(datatype.dtype).max)
        raise _outside(name, datatype, next(value for value in flat if abs(value) > largest)) from None
    tensor = np.frombuffer(packed, dtype=datatype.dtype)
    _refuse_booleans(name, datatype, flat, tensor)
    return tensor


def _integers(name: str, datatype: Datatype, flat: list[Any]) -> Tensor:
    limits = np.iinfo(datatype.dtype)
    try:
        packed = struct.pack(f"<{len(flat)}{_PACKED[datatype.name]}", *flat)
    except struct.error:
        if not set(map(type, flat)) <= {int}:
            raise _wrong_kind(name, datatype, flat) from None
        outside = next(value for value in flat if not limits.min <= value <= limits.max)
        raise _outside(name, datatype, outside) from None
    tensor = np.frombuffer(packed, dtype=datatype.dtype)
    _refuse_booleans(name, datatype, flat, tensor)
    return tensor


def _refuse_booleans(name: str, datatype: Datatype, flat: list[Any], numbers: Tensor) -> None:
    """Refuse true and false among numbers, which Python takes for 1 and 0.

    Only where there are any is each value's type looked at, which costs as much as all the rest.
    """
    others = np.count_nonzero(numbers) + np.count_nonzero(numbers - 1)
    if others < 2 * len(flat) and bool in set(map(type, flat)):
        raise _wrong_kind(name, datatype, flat)


def _wrong_kind(name: str, datatype: Datatype, flat: list[Any]) -> RequestError:
    wanted, taken = _WANTED[datatype.dtype.kind], _TAKEN[datatype.dtype.kind]
    came = _CAME.get(frozenset(map(type, flat)), "values of different kinds")
    index = next(index for index, value in enumerate(flat) if type(value) not in taken)
    which = f"value {index} is {_kind_of(flat[index])}"
    return bad_request(f"input '{name}': {datatype.name} needs {wanted} in 'data', got {came} ({which})")


def _outside(name: str, datatype: Datatype, value: float) -> RequestError:
    return bad_request(f"input '{name}': a value in 'data', {value}, is outside of {datatype.name}")


def _kind_of(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        dict: "an object",
        list: "a list",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)
