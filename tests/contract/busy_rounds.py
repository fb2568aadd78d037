"""How many rounds the model `busy` is asked for: as long as a test needs it to run, however fast the machine is."""

import functools
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from tests.contract import onnx_models

ENDLESS: Final = 100_000_000
"""Rounds that nobody waits for."""
_PROBES: Final = 5
_PROBE_ROUNDS: Final = 200


def rounds_that_take(seconds: float) -> int:
    """Return rounds that take no less than about `seconds`; more where the machine is busier than it was once."""
    return int(seconds / _fastest_round())


@functools.cache
def _fastest_round() -> float:
    """Seconds that a round takes at the least, with the threads that a server uses by default."""
    with tempfile.TemporaryDirectory() as folder:
        session = onnxruntime.InferenceSession(onnx_models.busy(Path(folder) / "busy.onnx"))
    rounds = np.array([_PROBE_ROUNDS])
    taken = []
    for _ in range(_PROBES):
        started = time.perf_counter()
        session.run(None, {"rounds": rounds})
        taken.append(time.perf_counter() - started)
    return min(taken) / _PROBE_ROUNDS
