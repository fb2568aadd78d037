"""One loaded model: its session, and running it on numpy arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from onnx_server.engine import zipmap
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import ModelFailedError
from onnx_server.protocol.signature import Signature

# onnx.TensorProto.BFLOAT16
_BFLOAT16 = 16


class Runs(Protocol):
    """What answers requests: given all inputs by name and the outputs' names, the outputs in that order."""

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """Run once, on the calling thread. Raises ModelFailedError."""


@dataclass(eq=False)
class Model:
    """A session that runs what was asked, one run at a time. Arrays are as protocol/datatypes.py has them.

    `assignments` has by provider how many nodes of each operator run there; `options` what each provider was told.
    """

    session: Any
    runtime: Any
    signature: Signature
    assignments: dict[str, dict[str, int]]
    active: tuple[str, ...]
    options: dict[str, dict[str, str]]

    @property
    def nodes(self) -> dict[str, int]:
        """Return how many nodes of the graph run on each provider."""
        return {provider: sum(operators.values()) for provider, operators in self.assignments.items()}

    def __post_init__(self) -> None:
        self._options = self.runtime.RunOptions()
        self._options.log_severity_level = 4  # the exception says it; ONNX Runtime would print it as well
        self._bfloat16_inputs = frozenset(spec.name for spec in self.signature.inputs if spec.datatype.name == "BF16")
        self._gives_bfloat16 = any(spec.datatype.name == "BF16" for spec in self.signature.outputs)
        self._maps = frozenset(output.name for output in self.session.get_outputs() if zipmap.converts(output.type))
        self._plain = not self._bfloat16_inputs and not self._gives_bfloat16 and not self._maps

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """Run once, on the calling thread; the GIL is released meanwhile. Raises ModelFailedError."""
        try:
            if self._plain:
                results: list[Tensor] = self.session.run(outputs, inputs, self._options)
                return results
            return self._run_unusual(inputs, outputs)
        except UnicodeDecodeError as error:
            message = f"a string of its outputs is not UTF-8, which ONNX strings are: {error}"
            raise ModelFailedError(message, of_input=False) from error
        except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception
            of_input = type(error).__name__ == "InvalidArgument"
            message = " ".join(str(error).split())
            raise ModelFailedError(message, of_input=of_input) from error

    def _run_unusual(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """Run with what numpy arrays cannot say: bfloat16, and outputs that are sequences of maps."""
        if self._gives_bfloat16:
            feed = {name: self._ort_value(name, array) for name, array in inputs.items()}
            values = self.session.run_with_ort_values(list(outputs), feed, self._options)
            return [_array(value) for value in values]
        feed = {
            name: self._ort_value(name, array) if name in self._bfloat16_inputs else array
            for name, array in inputs.items()
        }
        results = self.session.run(outputs, feed, self._options)
        named = zip(outputs, results, strict=True)
        return [zipmap.matrix(result) if name in self._maps else result for name, result in named]

    def _ort_value(self, name: str, array: Tensor) -> Any:
        """Wrap the array as ONNX Runtime's own tensor: the only way for BF16, which numpy arrays cannot say."""
        # np.ascontiguousarray would make a scalar a list of one.
        value, array = self.runtime.OrtValue, np.asarray(array, order="C")
        if name in self._bfloat16_inputs:
            return value.ortvalue_from_numpy_with_onnx_type(array, _BFLOAT16)
        return value.ortvalue_from_numpy(array)


def _array(value: Any) -> Tensor:
    if value.element_type() != _BFLOAT16:
        array: Tensor = value.numpy()
        return array
    shape = tuple(value.shape())
    count = int(np.prod(shape))
    if count == 0:
        return np.zeros(shape, dtype="<u2")
    interface = {"shape": (count,), "typestr": "<u2", "data": (value.data_ptr(), True), "version": 3}
    # Copied: the memory belongs to the OrtValue, which does not live on.
    return np.array(np.asarray(_Memory(interface)), copy=True).reshape(shape)


class _Memory:
    """Memory that numpy can read through its array interface."""

    def __init__(self, interface: dict[str, object]) -> None:
        self.__array_interface__ = interface
