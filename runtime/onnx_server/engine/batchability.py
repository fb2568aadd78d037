"""Whether requests of a model may run together: proven by running it, because no signature says it.

A dynamic first dimension of all inputs and outputs is only a hint: a model may take a softmax over it, or have the last
state of a sequence in it. So rows run alone and in batches, in two orders, and have to come out the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onnx_server.engine import samples
from onnx_server.engine.model import Runs
from onnx_server.engine.rounding import ROUNDING, ROUNDING_TF32
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import ModelFailedError
from onnx_server.protocol.signature import Signature, TensorSpec

_BATCHES = ((0, 1), (1, 0), (0, 1, 2))
# Dynamic dimensions but the first: a size unlike those of the batches, else the one that the warm-up guesses.
_INNER = (5, 1)


@dataclass(frozen=True)
class Batchability:
    """Whether requests may run together, and in a few words why or why not."""

    proven: bool
    reason: str


def prove(model: Runs, signature: Signature, *, on_cpu: bool) -> Batchability:
    """Run rows of made-up inputs alone and together, on the calling thread, and compare."""
    for role, specs in (("input", signature.inputs), ("output", signature.outputs)):
        fixed = [spec.name for spec in specs if not spec.batches]
        if fixed:
            return Batchability(proven=False, reason=f"{role} '{fixed[0]}' has no dynamic first dimension")
    if not signature.inputs:
        return Batchability(proven=False, reason="the model has no inputs")
    refused = ""
    for inner in _INNER:
        try:
            problem = _problem(model, signature, inner, ROUNDING if on_cpu else ROUNDING_TF32)
        except ModelFailedError as error:
            refused = f"the model refused made-up rows: {error.said}"
            continue
        if problem:
            return Batchability(proven=False, reason=problem)
        return Batchability(proven=True, reason="rows come out of batches of 2 and 3 as they do alone")
    return Batchability(proven=False, reason=refused)


def _problem(model: Runs, signature: Signature, inner: int, tolerance: dict[str, float]) -> str:
    random = np.random.default_rng(0)
    names = [spec.name for spec in signature.outputs]
    rows = {spec.name: samples.rows(spec, 3, inner, random) for spec in signature.inputs}
    alone = [model.run({name: each[index] for name, each in rows.items()}, names) for index in range(3)]
    for batch in _BATCHES:
        together = model.run(
            {name: np.concatenate([each[index] for index in batch]) for name, each in rows.items()}, names
        )
        for spec, output, singles in zip(signature.outputs, together, zip(*alone, strict=True), strict=True):
            problem = _differs(spec, output, [singles[index] for index in batch], tolerance)
            if problem:
                return f"{problem} in a batch of {len(batch)}"
    return ""


def _differs(spec: TensorSpec, output: Tensor, alone: Sequence[Tensor], tolerance: dict[str, float]) -> str:
    """Return how `output`, of a batch, is not the rows of `alone` one after the other; nothing if it is."""
    expected = (len(alone), *alone[0].shape[1:])
    if output.shape != expected or any(single.shape != (1, *expected[1:]) for single in alone):
        return f"output '{spec.name}' has shape {list(output.shape)}, not a row for each row"
    want = np.concatenate(alone)
    # More than rounding is another row's doing: a row that acts on another does so by its own size, or by 1/255 of it
    # through the scale of a dynamically quantised tensor.
    allowed = tolerance.get(spec.datatype.name)
    if allowed is None:
        return "" if np.array_equal(output, want) else f"output '{spec.name}' of a row is another"
    got, want = _floats(spec, output), _floats(spec, want)
    if not np.array_equal(np.isfinite(got), np.isfinite(want)):
        return f"output '{spec.name}' of a row is another"
    finite = np.isfinite(want)
    largest = float(np.abs(want[finite]).max(initial=0.0))
    difference = float(np.abs(got[finite] - want[finite]).max(initial=0.0))
    if difference > allowed * largest:
        share = difference / largest if largest else difference
        return f"output '{spec.name}' of a row differs by {share:.2g} of the largest value"
    return ""


def _floats(spec: TensorSpec, array: Tensor) -> Tensor:
    if spec.datatype.name == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.astype(np.float64)
