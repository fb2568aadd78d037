"""Casts that keep every value: to a wider datatype always, to another one if the values that came survive it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnx_server.preparation import bfloat16, elements
from onnx_server.protocol.datatypes import BY_NAME, Tensor
from onnx_server.protocol.errors import bad_request

NUMERIC = tuple(
    bfloat16.SENT if datatype.name == "BF16" else datatype for datatype in BY_NAME.values() if datatype.name != "BYTES"
)

# Bits of the significand, and of the exponent.
_FLOATS = {"FP16": (11, 5), "BF16": (8, 8), "FP32": (24, 8), "FP64": (53, 11)}
_Kept = NDArray[np.bool_]
_Dtype = np.dtype[Any]


def widens(source: str, target: str) -> bool:
    """Whether every value of the datatype `source` is one of `target`."""
    if source in {target, "BOOL"}:
        return True
    if source in _FLOATS:
        return target in _FLOATS and all(
            has <= room for has, room in zip(_FLOATS[source], _FLOATS[target], strict=True)
        )
    if target == "BOOL":
        return False
    info = np.iinfo(BY_NAME[source].dtype)
    if target in _FLOATS:
        return info.bits - (info.min < 0) <= _FLOATS[target][0]
    room = np.iinfo(BY_NAME[target].dtype)
    return bool(room.min <= info.min and info.max <= room.max)


def cast(name: str, values: Tensor, source: str, target: str) -> Tensor:
    """Return `values` of input `name`, of the datatype `source` (BF16 widened to float32), as arrays of `target`.

    Raises RequestError 400 that names the first element whose value `target` does not have. NaN is NaN in all floats.
    """
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    if widens(source, target):
        if target == "BF16":
            return bfloat16.rounded(values.astype(np.float32))
        return values.astype(BY_NAME[target].dtype, copy=False)
    converted, kept = _converted(values, target)
    if not kept.all():
        index, value = elements.first(~kept, values)
        message = f"input '{name}': element {index} is {value} ({source}), which {target} does not have: "
        raise bad_request(f"{message}send values that {target} has, or change the model to take {source}")
    return converted


def _converted(values: Tensor, target: str) -> tuple[Tensor, _Kept]:
    """Return the values as `target` and which of them are the same; the others are any."""
    if target == "BOOL":
        return values.astype(np.bool_), (values == 0) | (values == 1)
    if target == "BF16":
        single, kept = _converted(values, "FP32")
        converted, also_kept = _bfloat16(single)
        return converted, kept & also_kept
    dtype = BY_NAME[target].dtype
    if values.dtype.kind == "f":
        return _float_to_float(values, dtype) if target in _FLOATS else _float_to_integer(values, dtype)
    return _integer_to_float(values, dtype) if target in _FLOATS else _integer_to_integer(values, dtype)


def _bfloat16(values: NDArray[np.float32]) -> tuple[Tensor, _Kept]:
    converted = bfloat16.rounded(values)
    return converted, (bfloat16.widened(converted) == values) | np.isnan(values)


def _float_to_float(values: Tensor, dtype: _Dtype) -> tuple[Tensor, _Kept]:
    with np.errstate(over="ignore"):
        converted = values.astype(dtype)
    return converted, (converted == values) | np.isnan(values)


def _float_to_integer(values: Tensor, dtype: _Dtype) -> tuple[Tensor, _Kept]:
    return _whole(values.astype(np.float64), dtype)


def _integer_to_float(values: Tensor, dtype: _Dtype) -> tuple[Tensor, _Kept]:
    with np.errstate(over="ignore"):
        converted = values.astype(dtype)
    back, whole = _whole(converted.astype(np.float64), values.dtype)
    return converted, whole & (back == values)


def _integer_to_integer(values: Tensor, dtype: _Dtype) -> tuple[Tensor, _Kept]:
    has, room = _limits(values.dtype), _limits(dtype)
    lowest, highest = max(has.min, room.min), min(has.max, room.max)
    return values.astype(dtype), (values >= lowest) & (values <= highest)


def _whole(values: NDArray[np.float64], dtype: _Dtype) -> tuple[Tensor, _Kept]:
    info = _limits(dtype)
    # Both bounds are powers of two, which a double has; the largest integer itself it may lack.
    kept = (values >= float(info.min)) & (values < float(info.max + 1)) & (values == np.trunc(values))
    return np.where(kept, values, 0).astype(dtype), kept


def _limits(dtype: _Dtype) -> "np.iinfo[Any]":
    return np.iinfo(dtype)
