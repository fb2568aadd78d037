"""The gate on values as the client sent them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx_server.preparation import bfloat16, elements
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import bad_request
from onnx_server.settings.inputs import CheckSettings


@dataclass(frozen=True)
class ValueCheck:
    """The limits of input `name`."""

    name: str
    settings: CheckSettings

    def __call__(self, values: Tensor, source: str) -> None:
        """Raise RequestError 400 that names the first element outside and its limit; `source` is the datatype."""
        if not values.size:
            return
        # Two passes tell that all is well; the element is looked for only if not. NaN is the least and the greatest.
        lowest, highest = values.min().item(), values.max().item()
        if self.settings.finite and not (math.isfinite(lowest) and math.isfinite(highest)):
            self._refuse(~np.isfinite(values), values, "check.finite takes finite values only")
        if self.settings.min is not None:
            least = _held(self.settings.min, source, math.ceil)
            if not lowest >= least:
                self._refuse(~(_comparable(values) >= least), values, f"check.min is {self.settings.min}")
        if self.settings.max is not None:
            most = _held(self.settings.max, source, math.floor)
            if not highest <= most:
                self._refuse(~(_comparable(values) <= most), values, f"check.max is {self.settings.max}")

    def _refuse(self, wrong: Any, values: Tensor, limit: str) -> None:
        index, value = elements.first(wrong, values)
        raise bad_request(f"input '{self.name}': element {index} is {value}, but {limit}")


def _comparable(values: Tensor) -> Tensor:
    """Return the values so that numpy compares them with any limit as Python does: floats as doubles."""
    return values.astype(np.float64) if values.dtype.kind == "f" else values


def _held(limit: float, source: str, whole: Callable[[float], int]) -> float:
    """Return the limit as `source` has it: a 0.1 that was sent as FP32 is not above 0.1."""
    if source == "FP64":
        return limit
    if source not in {"FP16", "BF16", "FP32"}:
        return whole(limit)
    with np.errstate(over="ignore"):
        nearest = np.float32(np.float16(limit)) if source == "FP16" else np.float32(limit)
    if source == "BF16":
        nearest = bfloat16.widened(bfloat16.rounded(np.array([nearest])))[0]
    # A limit beyond the datatype stays what it is: infinities are outside of it.
    return float(nearest) if np.isfinite(nearest) else limit
