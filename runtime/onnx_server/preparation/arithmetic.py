"""(values · scale - mean) / std, one for all or one for each channel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnx_server.preparation import bfloat16, elements
from onnx_server.protocol.datatypes import BY_NAME, Tensor
from onnx_server.protocol.errors import bad_request


@dataclass(frozen=True)
class Arithmetic:
    """The standardisation of input `name` to the model's datatype `target`, a float.

    It is computed in `precision`, FP32 or, where the model takes it, FP64. The constants broadcast over the tensor.
    """

    name: str
    target: str
    precision: str
    scale: Tensor | None
    mean: Tensor | None
    std: Tensor | None

    def __call__(self, values: Tensor) -> Tensor:
        """Return what the model takes of `values`, an array of `precision`, rounded to nearest.

        Raises RequestError 400 that names a finite value which becomes an infinity or NaN.
        """
        result = values.astype(BY_NAME[self.precision].dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.scale is not None:
                result *= self.scale
            if self.mean is not None:
                result -= self.mean
            if self.std is not None:
                result /= self.std
            rounded = _rounded(result, self.target)
        finite = np.isfinite(bfloat16.widened(rounded) if self.target == "BF16" else rounded)
        if not finite.all():
            lost = np.isfinite(values) & ~finite
            if lost.any():
                index, value = elements.first(lost, values)
                message = f"input '{self.name}': element {index} is {value}, which standardised is outside of "
                raise bad_request(message + self.target)
        return rounded


def _rounded(values: NDArray[np.floating], target: str) -> Tensor:
    if target == "BF16":
        return bfloat16.rounded(values.astype(np.float32, copy=False))
    return values.astype(BY_NAME[target].dtype, copy=False)
