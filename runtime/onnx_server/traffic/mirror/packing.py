"""Messages between the two processes as bytes. Pure.

A copy is told in few and simple objects, since a pod that copies once in some seconds has nothing of what it needs for
that in the processor's caches: pickling the same took milliseconds, in which all clients wait.
"""

import marshal
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx_server.protocol.datatypes import Tensor
from onnx_server.traffic.mirror.contention import Contended
from onnx_server.traffic.mirror.messages import Copy, Told, Twice

INLINE_BYTES = 64 * 1024
"""Larger arrays are parts of their own, which are sent from where they lie."""
CHUNK = 1024
"""So many texts at once: the interpreter does nothing else meanwhile, on whatever thread."""
_VERSION = 2
"""Of marshal's format: later ones look for objects that are there twice."""

_COPY, _TWICE, _TOLD, _OTHER = "copy", "twice", "told", "other"

Parts = list[memoryview]


@dataclass(frozen=True, slots=True)
class Packed:
    """A message, and the large arrays that follow it."""

    message: bytes
    parts: Parts


def packed(message: object) -> Packed:
    """Return `message` as it is sent; what `unpacked` knows nothing of is pickled."""
    parts: Parts = []
    content: tuple[Any, ...]
    match message:
        case Packed():
            return message
        case Copy():
            tensors = _packed(message.inputs, parts), _packed(message.outputs, parts)
            content = (_COPY, message.comparisons, *tensors, message.limit, message.patience)
        case Twice():
            content = (_TWICE, message.comparisons, _packed(message.first, parts), _packed(message.second, parts))
        case Told(outcome, late, ran, seconds, Contended(share, cpu, turns), described, bug):
            content = (_TOLD, outcome, late, ran, seconds, share, cpu, turns, described, bug)
        case _:
            content = (_OTHER, pickle.dumps(message))
    return Packed(marshal.dumps(content, _VERSION), parts)


def unpacked(message: bytes | memoryview, parts: Sequence[memoryview]) -> object:
    """Return what `packed` was given. Arrays of numbers are views of the bytes."""
    kind, *content = marshal.loads(message)  # noqa: S302  the other end is this program, too
    if kind == _COPY:
        comparisons, inputs, outputs, limit, patience = content
        return Copy(comparisons, _tensors(inputs, parts), _tensors(outputs, parts), limit, patience)
    if kind == _TWICE:
        comparisons, first, second = content
        return Twice(comparisons, _tensors(first, parts), _tensors(second, parts))
    if kind == _TOLD:
        outcome, late, ran, seconds, share, cpu, turns, described, bug = content
        return Told(outcome, late, ran, seconds, Contended(share, cpu, turns), described, bug)
    return _unpickled(content[0])


def _packed(tensors: Mapping[str, Tensor], parts: Parts) -> tuple[Any, ...]:
    return tuple((name, *_array(array, parts)) for name, array in tensors.items())


def _array(array: Tensor, parts: Parts) -> tuple[Any, ...]:
    """Return dtype, shape and bytes, or which part these are; of texts neither dtype nor bytes, but such of chunks."""
    if array.dtype.kind == "O":
        return None, array.shape, tuple(_data(chunk, parts, inline=array.size <= CHUNK) for chunk in _chunks(array))
    if array.nbytes <= INLINE_BYTES and array.flags.c_contiguous and not array.dtype.names:
        return array.dtype.str, array.shape, array
    # A dtype with fields is that of bfloat16.
    dtype = array.dtype.descr if array.dtype.names else array.dtype.str
    numbers = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return dtype, array.shape, _data(numbers.data, parts, inline=array.nbytes <= INLINE_BYTES)


def _chunks(array: Tensor) -> Iterator[bytes]:
    texts = array.ravel()
    for begin in range(0, texts.size, CHUNK):
        yield pickle.dumps(texts[begin : begin + CHUNK].tolist())


def _data(data: bytes | memoryview, parts: Parts, *, inline: bool) -> bytes | memoryview | int:
    """Return the data, as marshal takes all that has a buffer as bytes, or which part they are."""
    if inline:
        return data
    parts.append(memoryview(data))
    return len(parts) - 1


def _tensors(packed: Sequence[Any], parts: Sequence[memoryview]) -> dict[str, Tensor]:
    return {name: _tensor(parts, *array) for name, *array in packed}


def _tensor(parts: Sequence[memoryview], dtype: Any, shape: tuple[int, ...], data: Any) -> Tensor:
    if dtype is None:
        texts = np.empty(shape, object)
        texts.reshape(-1)[:] = [text for chunk in data for text in _unpickled(_bytes(chunk, parts))]
        return texts
    return np.frombuffer(_bytes(data, parts), np.dtype(dtype)).reshape(shape)


def _bytes(data: bytes | int, parts: Sequence[memoryview]) -> bytes | memoryview:
    return parts[data] if isinstance(data, int) else data


def _unpickled(data: bytes | memoryview) -> Any:
    return pickle.loads(data)  # noqa: S301  the other end is this program, too
