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
from onnx_server.settings.model import ModelSettings

# The first run of a session allocates; a few more tell what the others take. A slow model needs no more than one.
_RUNS, _RUNS_SECONDS = 5, 0.05
# A batch is far less work than its rows alone, and more than one of them.
_ROWS = 32
# Batches that are expected to take less run on the event loop itself: a hop to a thread and back costs a fifth of it.
# On one CPU a thread would compete with the loop, not run beside it, and hops cost more, as a run empties the caches.
_INLINE_SECONDS, _INLINE_SECONDS_ON_ONE_CPU = 200e-6, 2e-3
# How often their bodies run is in the data: what was quick once may take seconds the next time.
_LOOPS = frozenset({"Loop", "Scan"})


@dataclass(frozen=True)
class Behaviour:
    """`steady` is False where the inputs' values, not just their size, decide how long a run takes.

    Runs of at most `inline_seconds` go on the event loop. `on_cpu` is whether a run is the calling thread's work, and
    of no other device.
    """

    batching: Batchability
    run_times: RunTimes
    steady: bool
    on_cpu: bool = False
    inline_seconds: float = _INLINE_SECONDS


def observe(model: Model, settings: ModelSettings, cpus: int) -> Behaviour:
    """Run a warmed-up `model` some more times on made-up inputs, on the calling thread; the process has `cpus` CPUs."""
    run_times = RunTimes()
    on_cpu = model.active == ("CPU",)
    if settings.batching.mode == "Off":
        batching = Batchability(proven=False, reason="batching.mode is Off")
    else:
        batching = prove(model, model.signature, on_cpu=on_cpu)
    inline_seconds = _INLINE_SECONDS if cpus > 1 or not on_cpu else _INLINE_SECONDS_ON_ONE_CPU
    alone = _time(model, run_times, 1)
    # Whether batches stay on the loop too; of a model that does not, they are work and memory for nothing.
    if batching.proven and alone is not None and alone <= inline_seconds:
        _time(model, run_times, min(_ROWS, settings.max_batch_size or _ROWS))
    loops = any(_LOOPS & operators.keys() for operators in model.assignments.values())
    return Behaviour(batching, run_times, steady=not loops, on_cpu=on_cpu, inline_seconds=inline_seconds)


def _repeated(row: Tensor, rows: int) -> Tensor:
    return np.repeat(row, rows, axis=0) if rows > 1 else row


def _time(model: Model, run_times: RunTimes, rows: int) -> float | None:
    """Learn, and return, the seconds of a run on `rows` rows; None if the model refuses them."""
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
        middle = statistics.median(taken)
        run_times.learn(max(1, sum(array.size for array in inputs.values())), middle)
        return middle
    return None
