"""A decoded request on its way through the engine, the same for every transport."""

import asyncio
import time
from collections.abc import Callable

from onnx_server.engine.cache import ResponseCache, digest
from onnx_server.engine.statistics import FailureReason, ModelStatistics
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.models.loaded import Loaded
from onnx_server.protocol.errors import CancelledRequestError, OverloadedError, RequestError
from onnx_server.protocol.request import InferRequest


def submit(loaded: Loaded, request: InferRequest, received: float, done: Callable[[Outcome], None]) -> Work:
    """Queue `request`, received at `received` (seconds of time.monotonic()); `done` hears the outcome, once.

    Raises OverloadedError at once where the queue is full.
    """
    timeout = request.timeout or loaded.settings.queue.default_timeout_milliseconds / 1e3
    work = Work(
        inputs=request.inputs,
        outputs=tuple(output.spec.name for output in request.outputs),
        rows=request.rows,
        done=done,
        priority=request.priority,
        deadline=received + timeout if timeout else None,
    )
    if loaded.cache is None or not _answered(work, loaded.cache, loaded.statistics):
        loaded.scheduler.submit(work)
    return work


def _answered(work: Work, cache: ResponseCache, statistics: ModelStatistics) -> bool:
    """Answer `work` with kept outputs; or return False, and those that it will get are kept. Failures never are."""
    started = time.monotonic()
    key = digest(work.inputs, work.outputs)
    kept = cache.get(key)
    if kept is not None:
        statistics.cache_hit.add(time.monotonic() - started)
        statistics.inference_count += work.rows
        work.done(Run(kept, 0.0, 0.0, cached=True))
        return True
    statistics.cache_miss.add(time.monotonic() - started)
    done = work.done

    def keep(outcome: Outcome) -> None:
        if isinstance(outcome, Run):
            keeping = time.monotonic()
            cache.put(key, outcome.outputs)
            statistics.cache_miss.seconds += time.monotonic() - keeping
        done(outcome)

    work.done = keep
    return False


async def infer(loaded: Loaded, request: InferRequest, received: float | None = None) -> Run:
    """Run `request`. Raises RequestError. A cancelled task takes its request out of the queue."""
    future: asyncio.Future[Run] = asyncio.get_running_loop().create_future()

    def done(outcome: Outcome) -> None:
        if future.done():
            return
        if isinstance(outcome, RequestError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    work = submit(loaded, request, time.monotonic() if received is None else received, done)
    try:
        return await future
    except asyncio.CancelledError:
        loaded.scheduler.cancel(work)
        raise


def reason(error: RequestError) -> FailureReason:
    """Return Triton's name of why a request failed."""
    if isinstance(error, CancelledRequestError):
        return "CANCELED"
    if isinstance(error, OverloadedError) or error.status in {503, 504}:
        return "REJECTED"
    return "BACKEND" if error.status == 500 else "OTHER"
