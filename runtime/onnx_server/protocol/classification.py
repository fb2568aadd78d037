"""The classification extension: an output as its highest values, each a string "value:index"."""

import numpy as np

from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import bad_request


def check(name: str, datatype: Datatype) -> None:
    """Raise RequestError 400 if the values of output `name` have no order that means anything: BYTES and BOOL."""
    if datatype.name in {"BYTES", "BOOL"}:
        message = f"output '{name}' is {datatype.name}: the parameter 'classification' needs an output of numbers"
        raise bad_request(message)


def strongest(datatype: Datatype, array: Tensor, count: int, *, batches: bool) -> Tensor:
    """Return the `count` highest values of each row, highest first, as BYTES (an object array of str).

    Where the model `batches`, a row is what the first dimension counts, and the shape is [rows, classes]; otherwise
    all of the tensor is one row, and the shape is [classes]. A row has no more classes than elements. The index is
    that of the element in its row, row-major. Of equal values the first comes first; NaN come last. The value has the
    digits that tell it apart from all others of its datatype.
    """
    if not array.size:
        return np.empty((array.shape[0], 0) if batches else 0, dtype=object)
    values = _as_numbers(datatype, array)
    rows = values.reshape(values.shape[0] if batches else 1, -1)
    kept = min(count, rows.shape[1])
    chosen = _descending(rows)[:, :kept]
    texts = np.take_along_axis(rows, chosen, axis=1).astype(np.str_).ravel().tolist()
    strings = np.empty(len(texts), dtype=object)
    strings[:] = [f"{text}:{index}" for text, index in zip(texts, chosen.ravel().tolist(), strict=True)]
    return strings.reshape(chosen.shape if batches else -1)


def _as_numbers(datatype: Datatype, array: Tensor) -> Tensor:
    if datatype.name != "BF16":
        return array
    # The upper half of a float32 is the bfloat16 of the same value.
    widened: Tensor = (array.astype(np.uint32) << 16).view(np.float32)
    return widened


def _descending(rows: Tensor) -> Tensor:
    """Return the order of each row from the highest to the lowest value, stable."""
    if rows.dtype.kind == "f":
        # numpy sorts NaN to the end of the negated row as well.
        return np.argsort(-rows, axis=1, kind="stable")
    # Integers cannot be negated without overflow: sort the mirrored row upwards, and read it backwards.
    mirrored = np.argsort(rows[:, ::-1], axis=1, kind="stable")[:, ::-1]
    order: Tensor = rows.shape[1] - 1 - mirrored
    return order
