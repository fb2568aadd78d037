"""How an element of a tensor is named in an error."""

import numpy as np
from numpy.typing import NDArray

from onnx_server.protocol.datatypes import Tensor


def first(wrong: NDArray[np.bool_], values: Tensor) -> tuple[str, str]:
    """Return the index, such as "[0, 3]", and the value of the first element that is `wrong`; both of one shape."""
    index = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    # str, as a format of a numpy scalar is that of a double, with digits that the client never sent.
    return str([int(position) for position in index]), str(values[index])
