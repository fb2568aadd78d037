"""bfloat16, which numpy lacks: to float32 and back, and apart from uint16, which has the same arrays."""

import numpy as np
from numpy.typing import NDArray

from onnx_server.protocol.datatypes import Datatype, Tensor

_FIELD = "bfloat16"
SENT = Datatype("BF16", np.dtype([(_FIELD, "<u2")]), "bfloat16", in_json=False)
"""BF16 where an input takes other datatypes too: a dtype of its own tells its arrays from those of UINT16."""

ONE = 0x3F80
"""The bits of 1.0."""


def bits(array: Tensor) -> NDArray[np.uint16]:
    """Return the bits of an array that was sent as SENT, without a copy."""
    values: NDArray[np.uint16] = array[_FIELD]
    return values


def widened(values: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the bits' values; each is a float32."""
    return (values.astype(np.uint32) << 16).view(np.float32)


def rounded(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the bits of the nearest values, ties to even; NaN stays NaN, too large becomes infinite."""
    wide = np.ascontiguousarray(values).view(np.uint32)
    # Ties go to the even neighbour: half of the last place, less one unless the last bit is set.
    nearest = (wide + 0x7FFF + ((wide >> 16) & 1)) >> 16
    # A NaN must keep a bit of its payload, or it would be an infinity.
    return np.where(np.isnan(values), (wide >> 16) | 0x40, nearest).astype(np.uint16)
