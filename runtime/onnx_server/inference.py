"""A decoded request on its way through the engine, the same for every transport."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from onnx_server.engine.cache import ResponseCache, digest
from onnx_server.engine.statistics import FailureReason
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.models.loaded import Loaded
from onnx_server.preparation.preparation import Preparation, Prepared
from onnx_server.protocol.errors import CancelledRequestError, OverloadedError, RequestError
from onnx_server.protocol.request import InferRequest


def submit(
    loaded: Loaded,
    request: InferRequest,
    received: float,
    done: Callable[[Outcome], None],
    deadline: float | None = None,
) -> Work:
    """Queue `request`, received at `received`; `done` hears the outcome, once.

    `received` and `deadline`, when the client stops waiting, are in seconds of time.monotonic(). The request's own
    timeout, or that of the settings, may be earlier.

    Its inputs are as the model takes them: where the model has a preparation, `infer` is the way.
    Raises OverloadedError at once where the queue is full.
    """
    timeout = request.timeout or loaded.default_timeout
    if timeout and (deadline is None or received + timeout < deadline):
        deadline = received + timeout
    work = Work(
        inputs=request.inputs,
        outputs=request.names or tuple([output.spec.name for output in request.outputs]),
        rows=request.rows,
        done=done,
        priority=request.priority,
        deadline=deadline,
    )
    if loaded.cache is None or not _answered(loaded, work, loaded.cache):
        loaded.scheduler.submit(work)
    return work


def _answered(loaded: Loaded, work: Work, cache: ResponseCache) -> bool:
    """Answer `work` with kept outputs; or return False, and those that it will get are kept. Failures never are."""
    statistics, started = loaded.statistics, time.monotonic()
    key = digest(work.inputs, work.outputs)
    kept = cache.get(key)
    if kept is not None:
        statistics.cache_hit.add(time.monotonic() - started)
        statistics.inference_count += work.rows
        loaded.scheduler.answer(work, Run(kept, 0.0, 0.0))
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


async def infer(
    loaded: Loaded, request: InferRequest, received: float | None = None, deadline: float | None = None
) -> Run:
    """Run `request`, with times as `submit` has them. Raises RequestError.

    A cancelled task takes its request out of the queue.
    """
    received = time.monotonic() if received is None else received
    if loaded.preparation is None:
        return await _run(loaded, request, received, deadline)
    prepared = await _prepared(loaded.preparation, request)
    run = await _run(loaded, replace(request, inputs=prepared.inputs), received, deadline)
    if not prepared.padded:
        return run
    names = [output.spec.name for output in request.outputs]
    return replace(run, outputs=prepared.restore(names, run.outputs))


async def _prepared(preparation: Preparation, request: InferRequest) -> Prepared:
    if preparation.costly(request.inputs):
        return await asyncio.to_thread(preparation.apply, request.inputs)
    return preparation.apply(request.inputs)


async def _run(loaded: Loaded, request: InferRequest, received: float, deadline: float | None) -> Run:
    future: asyncio.Future[Run] = asyncio.get_running_loop().create_future()

    def done(outcome: Outcome) -> None:
        if future.done():
            return
        if isinstance(outcome, RequestError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    work = submit(loaded, request, received, done, deadline)
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
