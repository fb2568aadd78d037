"""The bounded queue before one model, and where its batches run. All of it belongs to the event loop."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from onnx_server.engine.batching import Batch, BatchQueue, Limits, QueueFullError
from onnx_server.engine.behaviour import Behaviour
from onnx_server.engine.execution import Executed, execute, execute_timed
from onnx_server.engine.model import Runs
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.engine.worker import Worker
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import CancelledRequestError, ExpiredError, OverloadedError
from onnx_server.settings.model import ModelSettings

log = logging.getLogger(__name__)

# How long one turn of the event loop may run batches before it hears others: health, metrics, other models.
_TURN_SECONDS = 1e-3
# Without maxBatchSize: rows where the cost of a run is nothing beside that of its rows, and elements (4 MiB of floats)
# so that the memory of a batch stays near what single requests need.
_DEFAULT_ROWS = 64
_DEFAULT_ELEMENTS = 1 << 20
# The event loop's timers have a resolution of a millisecond.
_TIMER_SECONDS = 1e-3
# Of runs from here on it is worth while to ask how much of the CPU they had.
_LONG_SECONDS = 200e-6


class Scheduler:
    """Runs a model's requests, together where that is proven to be right; at most `queue.size` more wait.

    `models` are sessions of the same model, each of which runs one batch at a time.
    """

    def __init__(
        self,
        name: str,
        models: Sequence[Runs],
        settings: ModelSettings,
        statistics: ModelStatistics,
        behaviour: Behaviour,
    ) -> None:
        self._name = name
        self._size = settings.queue.size
        self._statistics = statistics
        self._run_times = behaviour.run_times
        self._on_cpu = behaviour.on_cpu
        self._inline_seconds = behaviour.inline_seconds if behaviour.steady else 0.0
        self._batched = behaviour.batching.proven
        limits = _limits(settings, batched=self._batched)
        self._full = limits.max_rows
        self._queue = BatchQueue[Work](limits, behaviour.run_times)
        self._workers = [Worker(f"run {name}", model, on_cpu=behaviour.on_cpu) for model in models]
        self._idle = list(self._workers)
        self._running = 0
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushing = False
        # How many waited when the event loop was asked to flush.
        self._gathered = 0
        # Whether the last batch was of one request: then another one waits for no company. On the event loop that is
        # for one of a turn only: whoever comes in the same turn waits for others, who will be there as well.
        self._lone = True
        self._alone_ran = True
        self._delayed: asyncio.TimerHandle | None = None
        self._sweep_at = math.inf
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> int:
        """Requests that wait or run."""
        return self._queue.waiting + self._running

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return self._queue.waiting

    def submit(self, work: Work) -> None:
        """Queue `work`. It runs with what else comes in this turn of the event loop, unless requests come one by one.

        Raises OverloadedError where the queue is full and holds nothing that is expired or less urgent.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        queue = self._queue
        work.asked = now = time.monotonic()
        self._group(work)
        try:
            left = queue.offer(work, now, self._size + len(self._idle))
        except QueueFullError:
            raise OverloadedError(self._name, self._size) from None
        if left:
            self._drop(left, now)
        if not self._flushing:
            if not self._lone or queue.waiting > 1:
                self._flush_soon()
            elif not self._is_quick(work.size):
                self._flush()
            elif self._alone_ran:
                self._lone = False
                self._flush_soon()
            else:
                self._alone_ran = True
                self._loop.call_soon(self._turned)
                self._flush()
        if queue.next_deadline < self._sweep_at:
            self._arm(now)

    def answer(self, work: Work, run: Run) -> None:
        """Say `run` to `work`, which was not submitted and needs no run, once the caller has returned."""
        asyncio.get_running_loop().call_soon(_tell, work, run)

    def cancel(self, work: Work) -> None:
        """Drop `work`, which was submitted: its outcome is CancelledRequestError now, unless it had one already.

        What waits never runs; what runs is not interrupted, and what comes of it is dropped.
        """
        self._queue.remove(work)
        _tell(work, CancelledRequestError())
        self._end_if_done()

    def close(self) -> None:
        """End the threads once what was submitted is done. Nothing may be submitted after it."""
        self._closed = True
        self._end_if_done()

    def _group(self, work: Work) -> None:
        """Say how large `work` is, and what it may run with: the same outputs, and shapes that differ in rows only."""
        rows = work.rows if self._batched else 0
        inputs = work.inputs
        if len(inputs) == 1:
            (array,) = inputs.values()
            shape = array.shape
            work.size = array.size or 1
            if rows and shape[0] == rows:
                work.key = (work.outputs, shape[1:])
            return
        arrays = [inputs[name] for name in sorted(inputs)]
        work.size = sum(array.size for array in arrays) or 1
        if rows and all(array.shape[0] == rows for array in arrays):
            work.key = (work.outputs, *(array.shape[1:] for array in arrays))

    def _flush_soon(self) -> None:
        if self._loop is not None:
            self._flushing = True
            self._gathered = self._queue.waiting
            self._loop.call_soon(self._gather)

    def _turned(self) -> None:
        """Note that the turn of the event loop is over in which a request ran alone."""
        self._alone_ran = False

    def _gather(self) -> None:
        """Flush once a turn of the event loop has brought no more requests, or those for a whole batch wait.

        Clients that were answered together come back together, but not all within one turn; those who come a moment
        late would get a small batch of their own, while all others wait for it. Without requests a turn takes
        microseconds.
        """
        if self._gathered < self._queue.waiting < self._full:
            self._flush_soon()
        else:
            self._alone_ran = False
            self._flush()

    def _flush(self) -> None:
        """Run what is due, here or on the threads that are free, for no longer than a turn of the event loop."""
        self._flushing = False
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
        queue = self._queue
        began = now = time.monotonic()
        while self._idle and queue.waiting:
            batch, expired = queue.take(now)
            if expired:
                self._drop(expired, now)
            if batch is None:
                if queue.waiting:
                    self._flush_at(queue.again, now)
                return
            self._lone = len(batch.entries) == 1
            if self._is_quick(batch.size):
                if batch.charged > _LONG_SECONDS and self._on_cpu:
                    executed = execute_timed(self._idle[-1].model, batch)
                else:
                    executed = execute(self._idle[-1].model, batch, now)
                self._settle(batch, executed)
                now = time.monotonic()
                if now - began > _TURN_SECONDS:
                    # With nothing left, whoever comes next in this turn would wait for a turn too many.
                    if queue.waiting and not self._flushing:
                        self._flush_soon()
                    return
            else:
                self._give(self._idle.pop(), batch)

    def _is_quick(self, size: int) -> bool:
        """Whether a run on `size` elements goes on the event loop itself."""
        expected = self._run_times.expected(size)
        return expected is not None and expected <= self._inline_seconds

    def _give(self, worker: Worker, batch: Batch[Work]) -> None:
        if self._loop is None:
            raise AssertionError("only what was submitted, on a loop, is run")
        self._running += len(batch.entries)
        worker.give(batch, self._loop, self._finished)

    def _finished(self, worker: Worker, batch: Batch[Work], executed: Executed) -> None:
        """Answer a batch. Its clients' next requests may be here by then, so that the next batch is taken after it.

        Where a whole batch waits already there is nothing to wait for.
        """
        self._running -= len(batch.entries)
        self._idle.append(worker)
        if self._queue.waiting >= self._full:
            self._flush()
        self._settle(batch, executed)
        if self._queue.waiting and not self._flushing:
            self._flush_soon()

    def _settle(self, batch: Batch[Work], executed: Executed) -> None:
        for rows, seconds in executed.runs:
            self._statistics.executed(rows, seconds)
        self._queue.ran(batch, executed.seconds)
        for work, outcome in zip(batch.entries, executed.outcomes, strict=True):
            _tell(work, outcome)
        if self._statistics.watch is not None:
            self._statistics.watch(len(batch.entries))
        if self._closed:
            self._end_if_done()

    def _drop(self, works: list[Work], now: float) -> None:
        for work in works:
            if work.deadline is not None and work.deadline <= now:
                _tell(work, ExpiredError(now - work.asked))
            else:
                _tell(work, OverloadedError(self._name, self._size))

    def _flush_at(self, when: float, now: float) -> None:
        """Flush at `when`; the last millisecond passes in turns of the event loop, which its timers cannot tell."""
        if when - now < _TIMER_SECONDS:
            self._flush_soon()
        elif self._loop is not None:
            self._delayed = self._loop.call_later(when - now - _TIMER_SECONDS / 2, self._flush)

    def _arm(self, now: float) -> None:
        """See to it that what waits is told when its deadline has passed, even while the model runs something long."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._sweep_at = self._queue.next_deadline
        if self._sweep_at < math.inf and self._loop is not None:
            self._sweep = self._loop.call_later(max(0.0, self._sweep_at - now) + _TIMER_SECONDS, self._expire)

    def _expire(self) -> None:
        now = time.monotonic()
        self._drop(self._queue.expire(now), now)
        self._sweep = None
        self._arm(now)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._closed and not self.pending:
            for worker in self._workers:
                worker.end()


def _limits(settings: ModelSettings, *, batched: bool) -> Limits:
    levels = settings.queue.priority_levels
    if not batched:
        return Limits(levels=levels)
    asked, batching = settings.max_batch_size, settings.batching
    rows = _DEFAULT_ROWS if asked is None else asked
    return Limits(
        levels=levels,
        max_rows=rows,
        max_size=_DEFAULT_ELEMENTS if asked is None else None,
        max_delay=batching.max_delay_microseconds / 1e6,
        preferred=tuple(sorted(size for size in set(batching.preferred_sizes) if size <= rows)),
    )


def _tell(work: Work, outcome: Outcome) -> None:
    """Say the outcome, once; a client's trouble with it must not hurt the others of its batch."""
    done, work.done, work.inputs = work.done, _nobody, _NOTHING
    try:
        done(outcome)
    except Exception:
        log.exception("bug: an outcome could not be handed on")


def _nobody(_outcome: Outcome) -> None:
    """Hear of work whose outcome was said already."""


_NOTHING: Mapping[str, Tensor] = MappingProxyType({})
