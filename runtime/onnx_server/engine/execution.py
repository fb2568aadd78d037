"""Run a batch: put its requests' tensors together, run the model once, give each request its own rows."""

import itertools
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from onnx_server.engine.batching import Batch
from onnx_server.engine.model import Runs
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import ModelFailedError, RequestError, internal

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Executed:
    """What came of a batch: an outcome for each entry, in order, and (rows, seconds) of each run that succeeded."""

    outcomes: list[Outcome]
    runs: list[tuple[int, float]]
    seconds: float


def execute(model: Runs, batch: Batch[Work], started: float) -> Executed:
    """Run `batch` on the calling thread. `started` is now, in seconds of time.monotonic(). Raises nothing.

    Where a batch fails each of its requests runs once more, alone: only the one that is to blame fails.
    """
    works = batch.entries
    if len(works) == 1:
        outcome = _alone(model, works[0], started)
        seconds = time.monotonic() - started
        return Executed([outcome], [(batch.rows, seconds)] if isinstance(outcome, Run) else [], seconds)
    try:
        names = works[0].outputs
        outputs = model.run(_together([work.inputs for work in works]), names)
        seconds = time.monotonic() - started
        return Executed(_split(outputs, batch, started, seconds), [(batch.rows, seconds)], seconds)
    except Exception as error:  # noqa: BLE001  whatever it was, each request is tried alone, and says it again
        log.debug("a batch failed", extra={"requests": len(works), "rows": batch.rows, "said": str(error)})
    executed = Executed([], [], 0.0)
    for work in works:
        began = time.monotonic()
        outcome = _alone(model, work, began)
        if isinstance(outcome, Run):
            executed.runs.append((work.rows, outcome.computed))
        executed.outcomes.append(outcome)
    executed.seconds = time.monotonic() - started
    return executed


def execute_timed(model: Runs, batch: Batch[Work]) -> Executed:
    """Run `batch` as `execute` does; `seconds` are the thread's own at most, of a model that runs on the CPU.

    Not the time for which others had the CPU or the interpreter, which may be milliseconds: a quick model would look
    slow, and never return to the event loop.
    """
    busy = time.thread_time()
    executed = execute(model, batch, time.monotonic())
    executed.seconds = min(executed.seconds, time.thread_time() - busy)
    return executed


def _alone(model: Runs, work: Work, started: float) -> Outcome:
    try:
        outputs = model.run(_aligned(work.inputs), work.outputs)
    except RequestError as error:
        return error
    except Exception:
        log.exception("bug: a run failed unexpectedly")
        return internal()
    return Run(outputs, started - work.asked, time.monotonic() - started, work.rows, work.size, lead=True)


def _aligned(inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors at addresses that kernels may rely on."""
    for array in inputs.values():
        if not array.flags.aligned:
            return {name: each if each.flags.aligned else each.copy() for name, each in inputs.items()}
    return inputs


def _together(inputs: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: np.concatenate([each[name] for each in inputs]) for name in inputs[0]}


def _split(outputs: list[Tensor], batch: Batch[Work], started: float, seconds: float) -> list[Outcome]:
    """Give each request views of its rows. Raises ModelFailedError if an output does not have a row for each row in."""
    for output in outputs:
        if output.shape[0] != batch.rows:
            raise ModelFailedError(f"{batch.rows} rows gave {output.shape[0]}", of_input=False)
    if len(batch.entries) == batch.rows:
        columns = [list(output[:, None]) for output in outputs]
    else:
        ends = list(itertools.accumulate(work.rows for work in batch.entries))
        columns = [
            [output[end - work.rows : end] for work, end in zip(batch.entries, ends, strict=True)] for output in outputs
        ]
    rows = zip(batch.entries, zip(*columns, strict=True), strict=True)
    whole, lead = (batch.rows, batch.size), batch.entries[0]
    return [Run(parts, started - work.asked, seconds, *whole, work is lead) for work, parts in rows]
