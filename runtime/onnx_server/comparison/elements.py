"""A tensor's elements as numbers that two tensors may be compared by, whatever their datatypes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from onnx_server.preparation import bfloat16
from onnx_server.protocol.datatypes import Datatype, Tensor

Floats = NDArray[np.float64]

CHUNK = 16_384
"""Elements that are compared at a time: as float64 they fit a core's cache, and memory does not grow with a tensor."""


@dataclass(frozen=True)
class Elements:
    """A tensor's elements in their order: `flat` has one dimension.

    Of text these are 64-bit hashes, `text` says so. `wide` says that they are the bits of bfloat16.
    """

    flat: NDArray[Any]
    text: bool = False
    wide: bool = False

    @property
    def size(self) -> int:
        """How many they are."""
        return int(self.flat.size)

    @property
    def integral(self) -> bool:
        """Whether they are integers, booleans or text."""
        return not self.wide and self.flat.dtype.kind != "f"

    def numbers(self, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """Return these elements, bfloat16 as float32 and the others as they are."""
        part = self.flat[first:last]
        return bfloat16.widened(part) if self.wide else part

    def floats(self, first: int = 0, last: int | None = None) -> Floats:
        """Return these elements as float64."""
        return cast(Floats, self.numbers(first, last).astype(np.float64))

    def some(self, most: int) -> "Elements":
        """Return at most `most` of them, at the same places for tensors of the same size.

        The places are evenly spaced, and odd steps do not stay in one column of a picture whose width is even.
        """
        if self.size <= most:
            return self
        return Elements(self.flat[:: -(-self.size // most) | 1], self.text, self.wide)


def of(array: Tensor, declared: Datatype) -> Elements | None:
    """Return an array's elements; `declared` tells BF16 from UINT16, which have the same arrays. None: not comparable.

    An array of BF16 where another datatype is declared has the dtype of `preparation.bfloat16.SENT`.
    """
    if array.dtype == bfloat16.SENT.dtype:
        return Elements(np.ravel(bfloat16.bits(array)), wide=True)
    if array.dtype.kind in "OSU":
        return Elements(
            np.fromiter((_hash(value) for value in np.ravel(array).tolist()), np.int64, array.size), text=True
        )
    if array.dtype.kind not in "biuf":
        return None
    return Elements(np.ravel(array), wide=declared.name == "BF16" and array.dtype == np.uint16)


def dot(one: Floats, other: Floats) -> float:
    """Return the sum of products. Not by `@`: BLAS would start threads for it, beside those that serve."""
    return float(np.einsum("i,i->", one, other))


def chunks(size: int) -> Iterator[tuple[int, int]]:
    """Yield where chunks of so many elements begin and end."""
    for first in range(0, size, CHUNK):
        yield first, min(first + CHUNK, size)


def _hash(value: object) -> int:
    # The same text is str from ONNX Runtime and may be bytes from another server.
    if isinstance(value, str):
        return hash(value.encode("utf-8", "surrogatepass"))
    return hash(value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass"))
