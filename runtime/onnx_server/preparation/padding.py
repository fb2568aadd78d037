"""Ragged requests: a dynamic dimension filled up to a bucket, and cut back in what the model answers."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onnx_server.preparation import bfloat16
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import bad_request
from onnx_server.protocol.signature import TensorSpec


@dataclass(frozen=True)
class Dimension:
    """One dynamic dimension of the model: the inputs and outputs that have it, and where.

    `padded` has for each input its axis and the value, of the input's dtype, that fills it. `masks` and `lengths` are
    inputs that the server fills, `cut` the axes of outputs.
    """

    buckets: tuple[int, ...]
    padded: Mapping[str, tuple[int, Tensor]]
    masks: tuple[TensorSpec, ...]
    lengths: tuple[TensorSpec, ...]
    cut: Mapping[str, tuple[int, ...]]

    def pad(self, inputs: dict[str, Tensor]) -> tuple[int, int]:
        """Pad all of `inputs` that have the dimension, add what the server fills; return its size and its bucket's.

        Raises RequestError 400 where the inputs' sizes differ or are beyond the last bucket.
        """
        sizes = {name: inputs[name].shape[axis] for name, (axis, _) in self.padded.items()}
        first, size = next(iter(sizes.items()))
        axis = self.padded[first][0]
        for name, other in sizes.items():
            if other != size:
                message = f"input '{name}' has {other} in dimension {self.padded[name][0]}, and input '{first}' has "
                raise bad_request(f"{message}{size} in dimension {axis}: the model takes them of one size")
        place = bisect_left(self.buckets, size)
        if place == len(self.buckets):
            message = f"input '{first}' has {size} in dimension {axis}, and the largest of pad.buckets is "
            raise bad_request(f"{message}{self.buckets[-1]}: send less")
        bucket = self.buckets[place]
        rows = inputs[first].shape[0]
        for name, (at, value) in self.padded.items():
            inputs[name] = _padded(inputs[name], at, bucket, value)
        for spec in self.masks:
            mask = np.zeros((rows, bucket), dtype=spec.datatype.dtype)
            mask[:, :size] = bfloat16.ONE if spec.datatype.name == "BF16" else 1
            inputs[spec.name] = mask
        for spec in self.lengths:
            inputs[spec.name] = np.full(rows, size, dtype=spec.datatype.dtype)
        return size, bucket

    def cut_back(self, size: int, bucket: int, names: Sequence[str], outputs: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs called `names` without what the padding added."""
        return [
            _cut(output, self.cut[name], size, bucket) if name in self.cut else output
            for name, output in zip(names, outputs, strict=True)
        ]


def _padded(array: Tensor, axis: int, bucket: int, value: Tensor) -> Tensor:
    if array.shape[axis] == bucket:
        return array
    shape = (*array.shape[:axis], bucket, *array.shape[axis + 1 :])
    padded = np.full(shape, value, dtype=array.dtype)
    padded[_upto(axis, array.shape[axis])] = array
    return padded


def _cut(array: Tensor, axes: tuple[int, ...], size: int, bucket: int) -> Tensor:
    for axis in axes:
        # A model may declare a dimension and answer another one: what is not the bucket is not ours.
        if array.shape[axis : axis + 1] == (bucket,):
            array = array[_upto(axis, size)]
    return array


def _upto(axis: int, size: int) -> tuple[slice, ...]:
    return (*(slice(None) for _ in range(axis)), slice(size))
