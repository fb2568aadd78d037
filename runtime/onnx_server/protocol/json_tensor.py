"""Tensors as JSON lists: nested like the shape, or flat in row-major order."""

import math
from typing import Any

import numpy as np

from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import bad_request

_KINDS = {"b": "booleans", "i": "integers", "u": "integers", "f": "numbers", "U": "strings", "S": "strings"}


def decode(name: str, datatype: Datatype, shape: tuple[int, ...], data: object) -> Tensor:
    """Return the tensor of `shape` that the JSON value `data` of input `name` holds.

    Raises RequestError 400 for anything but a list with the right number of values of the right kind, in range.
    """
    if not datatype.in_json:
        message = f"input '{name}': {datatype.name} has no JSON form: send it as binary data (binary_data_size)"
        raise bad_request(message)
    if not isinstance(data, list):
        raise bad_request(f"input '{name}': 'data' must be a list, got {_kind_of(data)}")
    array = _strings(name, data) if datatype.name == "BYTES" else _numbers(name, datatype, data)
    expected = math.prod(shape)
    if array.size != expected:
        raise bad_request(f"input '{name}': shape {list(shape)} needs {expected} values in 'data', got {array.size}")
    if array.ndim > 1 and array.size and array.shape != shape:
        message = f"input '{name}': 'data' is nested as {list(array.shape)}, but the shape is {list(shape)}"
        raise bad_request(message)
    return array.reshape(shape)


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


def _numbers(name: str, datatype: Datatype, data: list[Any]) -> Tensor:
    try:
        array = np.array(data)
    except (ValueError, OverflowError) as error:
        raise bad_request(f"input '{name}': 'data' is neither flat nor evenly nested") from error
    if array.size == 0:
        return array.astype(datatype.dtype)
    if datatype.name == "UINT64" and array.dtype.kind == "f":
        array = _large_integers(data, array)
    target, kind = datatype.dtype.kind, array.dtype.kind
    allowed = {"b": "b", "i": "iu", "u": "iu", "f": "fiu"}[target]
    if kind not in allowed:
        found = _KINDS.get(kind, "values of different kinds")
        raise bad_request(f"input '{name}': {datatype.name} needs {_KINDS[target]} in 'data', got {found}")
    if target in "iu":
        limits = np.iinfo(datatype.dtype)
        lowest, highest = int(array.min()), int(array.max())
        if lowest < limits.min or highest > limits.max:
            outside = lowest if lowest < limits.min else highest
            raise bad_request(f"input '{name}': {outside} is outside of {datatype.name}")
        return array.astype(datatype.dtype)
    with np.errstate(over="ignore"):
        converted = array.astype(datatype.dtype)
    if target == "f" and not np.isfinite(converted).all():
        raise bad_request(f"input '{name}': a value in 'data' is outside of {datatype.name}")
    return converted


def _large_integers(data: list[Any], array: Tensor) -> Tensor:
    """Return `data` as uint64 where it is all integers: beside small ones, numpy takes those above 2^63 for floats."""
    values = _flat(data)
    if all(type(value) is int and 0 <= value < 2**64 for value in values):
        return np.array(values, dtype=np.uint64).reshape(array.shape)
    return array


def _strings(name: str, data: list[Any]) -> Tensor:
    shape = _nesting(data)
    values = _flat(data)
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        if not isinstance(value, str):
            raise bad_request(f"input '{name}': BYTES needs strings in 'data', got {_kind_of(value)}")
        array[index] = value
    if len(shape) > 1 and math.prod(shape) == len(values):
        return array.reshape(shape)
    return array


def _nesting(data: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        if not data:
            break
        data = data[0]
    return tuple(shape)


def _flat(data: list[Any]) -> list[Any]:
    flat = data
    while any(isinstance(value, list) for value in flat):
        flat = [item for value in flat for item in (value if isinstance(value, list) else [value])]
    return flat


def _kind_of(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", dict: "an object", list: "a list"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
