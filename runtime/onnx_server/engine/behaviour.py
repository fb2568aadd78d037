"""How a loaded model behaves, found out before it serves: may its requests run together, and how long do they take."""

import statistics
import time
from dataclasses import dataclass

import numpy as np

from onnx_server.engine import samples
from onnx_server.engine.batchability import Batchability, prove
from onnx_server.engine.model import Model
from onnx_server.engine.run_times import RunTimes
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import ModelFailedError
from onnx_server.settings.batching import BatchingSettings

# The first run of a session allocates; a few more tell what the others take. A slow model needs no more than one.
_RUNS, _RUNS_SECONDS = 5, 0.05
# A batch is far less work than its rows alone, and more than one of them.
_ROWS = (1, 32)
# How often their bodies run is in the data: what was quick once may take seconds the next time.
_LOOPS = frozenset({"Loop", "Scan"})


# A hop to a thread and back costs about a fifth of the first. On a single CPU a thread runs nothing at the same time
# and costs its hop all the same: there it is only for what would keep the event loop from hearing others.
_INLINE_SECONDS, _INLINE_ALONE_SECONDS = 200e-6, 2e-3


@dataclass(frozen=True)
class Behaviour:
    """`steady` is False where the inputs' values, not just their size, decide how long a run takes.

    `on_cpu` is whether a run is the calling thread's work, and of no other device. Batches that are expected to take up
    to `inline_seconds` run on the event loop itself.
    """

    batching: Batchability
    run_times: RunTimes
    steady: bool
    on_cpu: bool = False
    inline_seconds: float = _INLINE_SECONDS


def observe(model: Model, settings: BatchingSettings, cpus: int) -> Behaviour:
    """Run a warmed-up `model` some more times on made-up inputs, on the calling thread. The process has `cpus`."""
    run_times = RunTimes()
    on_cpu = model.active == ("CPU",)
    if settings.mode == "Off":
        batching = Batchability(proven=False, reason="batching.mode is Off")
    else:
        batching = prove(model, model.signature, on_cpu=on_cpu)
    for rows in _ROWS if batching.proven else _ROWS[:1]:
        _time(model, run_times, rows)
    inline = _INLINE_ALONE_SECONDS if on_cpu and cpus == 1 else _INLINE_SECONDS
    loops = any(_LOOPS & operators.keys() for operators in model.assignments.values())
    return Behaviour(batching, run_times, steady=not loops, on_cpu=on_cpu, inline_seconds=inline)


def _repeated(row: Tensor, rows: int) -> Tensor:
    return np.repeat(row, rows, axis=0) if rows > 1 else row


def _time(model: Model, run_times: RunTimes, rows: int) -> None:
    outputs = [spec.name for spec in model.signature.outputs]
    for fill in (0, 1):
        inputs = {spec.name: _repeated(samples.filled(spec, fill), rows) for spec in model.signature.inputs}
        taken: list[float] = []
        try:
            while len(taken) < _RUNS and sum(taken) < _RUNS_SECONDS:
                started = time.monotonic()
                model.run(inputs, outputs)
                taken.append(time.monotonic() - started)
        except ModelFailedError:
            continue
        run_times.learn(max(1, sum(array.size for array in inputs.values())), statistics.median(taken))
        return
