"""The flat list of numbers of a request in JSON: where it stands, and its values without an object for each number.

orjson makes a Python float of every number, which then is packed again; simdjson, where it is installed, writes them
into one buffer, in less than half the time. Both round to the nearest double. Nothing is refused here: what is not read
is left to json_tensor.py, whose word counts.
"""

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from onnx_server.protocol.datatypes import Tensor

_NAME = b'"data"'
# simdjson keeps some 14 bytes for each of what it parses: a parser is kept only up to the first, none made over the
# second.
_KEPT_BYTES, _LARGEST_BYTES = 1 << 16, 1 << 20


def place(body: bytes) -> tuple[int, int] | None:
    """Return from where to where the list after the first `"data"` of `body` goes, brackets included.

    None if that is not flat, or too long to be read here. Nothing is told of what it is in: to a reader that knows the
    rest of `body`, with the list empty, that is enough.
    """
    start = body.find(b"[", body.find(_NAME))
    end = body.find(b"]", start) + 1
    if not 0 <= start < end <= start + _LARGEST_BYTES or body.find(b"[", start + 1, end) >= 0:
        return None
    return start, end


def floats(text: bytes, dtype: np.dtype[Any]) -> Tensor | None:
    """Return the numbers of the JSON list `text` as an array of one dimension; `dtype` is that of FP32 or FP64.

    None where it is no list of numbers within the range, or is empty, or without simdjson.
    """
    module = _simdjson()
    if module is None:
        return None
    try:
        parser = _parser() if len(text) <= _KEPT_BYTES else module.Parser()
        doubles = np.frombuffer(parser.parse(text).as_buffer(of_type="d"), dtype=np.float64)
        if dtype.itemsize == doubles.itemsize:
            return doubles
        with np.errstate(over="raise"):
            return doubles.astype(dtype)
    except Exception:  # noqa: BLE001  whatever it is, the other way says it in the words that clients know
        return None


@cache
def _simdjson() -> Any:
    """Return the module, or None. Imported when the first request needs it: most come in binary."""
    try:
        return import_module("simdjson")
    except Exception:  # noqa: BLE001  of a broken one, too, whatever it raises: every request would
        return None


@cache
def _parser() -> Any:
    """Return the parser that is used again and again, by the event loop alone."""
    return _simdjson().Parser()
