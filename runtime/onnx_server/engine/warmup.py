"""The first inference, before the server is ready: it proves that the model runs where it was asked to."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from onnx_server.engine import samples
from onnx_server.engine.model import Runs
from onnx_server.failures import Failure, Reason
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import ModelFailedError
from onnx_server.protocol.signature import Signature


@dataclass(frozen=True)
class WarmUp:
    """How the warm-up went. `message` is empty, or what the model said to a guessed shape."""

    source: Literal["Golden", "Declared", "Guessed", "Skipped"]
    seconds: float
    message: str


def warm_up(model: Runs, signature: Signature, golden: Sequence[Mapping[str, Tensor]] = ()) -> WarmUp:
    """Run the model once, on the first of its own test data that it takes.

    Without any, inputs are made up: a batch of 1, and every other dynamic dimension 1. The values are zeros, and ones
    if the model refuses zeros (a shape or a divisor given as an input).
    Raises Failure WarmUpFailed if no dimension but the batch had to be guessed and the model refuses both.
    """
    outputs = [spec.name for spec in signature.outputs]
    for inputs in golden:
        started = time.monotonic()
        try:
            model.run(inputs, outputs)
        except ModelFailedError:
            continue  # told as a failure of the test data
        return WarmUp("Golden", time.monotonic() - started, "")
    if not signature.inputs:
        return WarmUp("Skipped", 0.0, "the model has no inputs")
    declared = all(spec.shape and -1 not in spec.shape[1:] for spec in signature.inputs)
    refused = ""
    for fill in (0, 1):
        started = time.monotonic()
        try:
            model.run({spec.name: samples.filled(spec, fill) for spec in signature.inputs}, outputs)
        except ModelFailedError as error:
            refused = refused or error.said
        else:
            return WarmUp("Declared" if declared else "Guessed", time.monotonic() - started, "")
    if declared:
        message = f"the model fails on zeros and on ones in its own declared shapes: {refused}"
        raise Failure(Reason.WARM_UP_FAILED, message)
    return WarmUp("Guessed", 0.0, f"the model refused a guessed shape: {refused}")
