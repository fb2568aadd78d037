"""How an element of a tensor is named in an error."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnx_server.protocol.datatypes import Tensor


def first(wrong: NDArray[np.bool_], values: Tensor) -> tuple[str, Any]:
    """Return the index, such as "[0, 3]", and the value of the first element that is `wrong`; both of one shape."""
    index = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return str([int(position) for position in index]), values[index]
