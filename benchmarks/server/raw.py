"""ONNX Runtime without a server, one thread: what each server is compared with. Runs as a program of its own.

python -m benchmarks.server.raw rates MODEL INPUTS.npy SECONDS     prints the rates as JSON
python -m benchmarks.server.raw answers MODEL INPUTS.npy OUT.npy   writes the outputs for each input alone
"""

import json
import sys
import time
from typing import Final

import numpy as np
import onnxruntime

from benchmarks.server.models import INPUT, OUTPUT, Array

BATCHES: Final = (1, 32)
CALLS_BETWEEN_CLOCKS: Final = 0.02
"""Seconds of calls after which the clock is read: reading it must not cost what is measured."""


def _session(model: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _rate(session: onnxruntime.InferenceSession, batch: Array, seconds: float) -> float:
    """Return rows a second of calls with this batch."""
    feed, outputs = {INPUT: batch}, [OUTPUT]
    begin = time.perf_counter()
    for _ in range(3):
        session.run(outputs, feed)
    a_call = (time.perf_counter() - begin) / 3
    calls = max(1, int(CALLS_BETWEEN_CLOCKS / a_call))
    begin, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - begin) < seconds:
        for _ in range(calls):
            session.run(outputs, feed)
        done += calls
    return done * len(batch) / passed


def main() -> int:
    """Run one of the two commands."""
    what, model, inputs, last = sys.argv[1:]
    session, given = _session(model), np.load(inputs)
    if what == "answers":
        np.save(last, np.concatenate([session.run([OUTPUT], {INPUT: row[np.newaxis]})[0] for row in given]))
        return 0
    batches = {size: np.resize(given, (size, *given.shape[1:])) for size in BATCHES}
    print(json.dumps({f"batch{size}": _rate(session, batch, float(last)) for size, batch in batches.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
