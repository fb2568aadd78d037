"""The comparisons of one course: every output of every copy, and the copies that differed most."""

import random
from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np

from onnx_server.comparison.output import Output
from onnx_server.comparison.tally import Tally
from onnx_server.comparison.worst import Worst
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import TensorSpec

OUTPUTS = 32
"""Of a model with more outputs, the first so many are compared."""

BROKEN = float(np.finfo(np.float64).max)
"""The error of a copy with NaN or infinities, for which JSON has no number, among the worst."""


class Comparisons:
    """What copies of requests say of a candidate's outputs. Nothing here raises for any tensor.

    `compare` and `compare_self` are called by one thread at a time; `describe` and `kept` by any other meanwhile.
    Memory does not grow with the copies.
    """

    def __init__(
        self,
        outputs: Sequence[TensorSpec],
        relative: float,
        absolute: float,
        keep_inputs: bool,
        randomness: random.Random,
    ) -> None:
        self._outputs = [Output(spec, relative, absolute) for spec in outputs[:OUTPUTS]]
        self._tallies = {output.spec.name: Tally(output.kind) for output in self._outputs}
        self._worst = Worst(keep_inputs)
        self._random = randomness
        self._lock = Lock()

    def compare(
        self, inputs: Mapping[str, Tensor], stable: Mapping[str, Tensor], candidate: Mapping[str, Tensor], at: float
    ) -> None:
        """Note how the candidate answered a copy. `at` is when, in seconds since the epoch.

        Outputs are compared by name; what the stable version did not answer is not compared.
        """
        place = self._random.random()
        worst, where = 0.0, ""
        for output in self._outputs:
            name = output.spec.name
            if name not in stable:
                continue
            with np.errstate(all="ignore"):
                seen = output.compare(stable[name], candidate.get(name), place)
            # What takes long is over: those who look do not wait for it.
            with self._lock:
                if seen is None:
                    self._tallies[name].unlike += 1
                else:
                    self._tallies[name].add(seen)
            if seen is not None:
                error = BROKEN if seen.difference.broken else seen.difference.largest
                worst, where = max((worst, where), (error, name), key=lambda one: one[0])
        self._worst.note(inputs, where, worst, at)

    def compare_self(self, first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
        """Note two answers of this pod itself to the same request: how much it disagrees with itself."""
        place = self._random.random()
        for output in self._outputs:
            name = output.spec.name
            if name in first:
                with np.errstate(all="ignore"):
                    equal = output.compare_self(first[name], second.get(name), place)
                with self._lock:
                    self._tallies[name].add_self(equal)

    def describe(self) -> dict[str, object]:
        """Return {"outputs": [...], "worst": [...]} as docs/contract.md has them."""
        with self._lock:
            outputs: list[dict[str, object]] = [
                {
                    "name": output.spec.name,
                    "datatype": output.spec.datatype.name,
                    **self._tallies[output.spec.name].describe(output.itself),
                    "noise": output.noise,
                }
                for output in self._outputs
            ]
        return {"outputs": outputs, "worst": [copy.describe() for copy in self._worst.copies]}

    def kept(self, digest: str) -> Mapping[str, Tensor] | None:
        """Return the inputs of one of the worst copies, by its digest; None if they were not kept."""
        return next((copy.inputs for copy in self._worst.copies if copy.digest == digest), None)
