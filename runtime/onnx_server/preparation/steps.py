"""One input's steps before padding, in their fixed order: image, check, cast or arithmetic, layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx_server.preparation import bfloat16
from onnx_server.preparation.arithmetic import Arithmetic
from onnx_server.preparation.cast import cast
from onnx_server.preparation.check import ValueCheck
from onnx_server.preparation.image import Decoder
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import TensorSpec


@dataclass(frozen=True)
class Steps:
    """What is done to an input: `visible` is how clients have it, `model` how the model takes it."""

    visible: TensorSpec
    model: TensorSpec
    sent: "Mapping[np.dtype[Any], str]"
    image: Decoder | None
    check: ValueCheck | None
    arithmetic: Arithmetic | None
    axes: tuple[int, ...] | None

    def __call__(self, array: Tensor) -> Tensor:
        """Return what the model takes of an array that fits `visible`. Raises RequestError 400 for its values."""
        name, target = self.model.name, self.model.datatype.name
        values = array if self.image is None else self.image(array)
        source = "UINT8" if self.image is not None else self.sent[values.dtype]
        if source == "BF16":
            values = bfloat16.widened(bfloat16.bits(array))
        if self.check is not None:
            self.check(values, source)
        if self.arithmetic is not None:
            precision = self.arithmetic.precision
            result = self.arithmetic(cast(name, values, source, precision))
        elif source != target:
            result = cast(name, values, source, target)
        else:
            result = bfloat16.bits(array) if source == "BF16" else values
        return result if self.axes is None else np.ascontiguousarray(result.transpose(self.axes))
