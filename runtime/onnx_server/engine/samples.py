"""Made-up inputs for a model that is being loaded: nobody has sent any yet."""

import numpy as np

from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import TensorSpec

# Rows of different magnitudes: what a row does to another through a maximum, a mean or a scale of the batch then shows.
_MAGNITUDES = (1.0, 4.0, 0.25)
# 0x3F80 is the bits of 1.0 in bfloat16.
_BFLOAT16_ONE = 0x3F80


def filled(spec: TensorSpec, fill: int) -> Tensor:
    """Return a tensor of zeros or ones; each dynamic dimension is 1."""
    shape = tuple(1 if size == -1 else size for size in spec.shape)
    if spec.datatype.name == "BYTES":
        return np.full(shape, str(fill), dtype=object)
    return np.full(shape, _BFLOAT16_ONE * fill if spec.datatype.name == "BF16" else fill, dtype=spec.datatype.dtype)


def rows(spec: TensorSpec, count: int, inner: int, random: np.random.Generator) -> list[Tensor]:
    """Return `count` tensors of one row each, no two neighbours alike; each dynamic dimension but the first is `inner`.

    Floats are normal, of magnitudes that differ by row; integers are 0 and 1, as indices into anything may be.
    """
    shape = (1, *(inner if size == -1 else size for size in spec.shape[1:]))
    return [_row(spec, shape, index, random) for index in range(count)]


def _row(spec: TensorSpec, shape: tuple[int, ...], index: int, random: np.random.Generator) -> Tensor:
    dtype = spec.datatype.dtype
    if dtype.kind == "f" or spec.datatype.name == "BF16":
        values = random.normal(size=shape).astype(np.float32) * np.float32(_MAGNITUDES[index % len(_MAGNITUDES)])
        return _bfloat16(values) if spec.datatype.name == "BF16" else values.astype(dtype)
    bits = random.integers(0, 2, size=shape)
    # The first element alternates: a row of one element would else often be like its neighbour.
    bits.reshape(-1)[:1] = index % 2
    if spec.datatype.name == "BYTES":
        return bits.astype(np.str_).astype(object)
    return bits.astype(dtype)


def _bfloat16(values: Tensor) -> Tensor:
    return (values.view("<u4") >> 16).astype("<u2")
