"""Running a request on this pod that no client waits for."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.preparation.preparation import Preparation, Prepared
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.request import check_rows
from onnx_server.protocol.signature import Signature
from onnx_server.traffic.background import Background


class Golden(Protocol):
    """A request that the model came with."""

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """The inputs by name, as the model takes them."""


class Model(Protocol):
    """The model of this pod: `models.loaded.Loaded`."""

    @property
    def name(self) -> str:
        """The model's name in the protocol's paths."""

    @property
    def signature(self) -> Signature:
        """What clients see."""

    @property
    def scheduler(self) -> Scheduler:
        """What runs it."""

    @property
    def preparation(self) -> Preparation | None:
        """What is done to a client's inputs before."""

    @property
    def golden(self) -> Sequence[Golden]:
        """The requests that it came with."""


async def again(
    model: Model,
    inputs: Mapping[str, Tensor],
    names: tuple[str, ...],
    background: Background,
    *,
    urgent: bool = False,
) -> tuple[Run, float]:
    """Run `inputs`, as clients send them, for the outputs called `names`: after all clients' requests, unless `urgent`.

    Returns the run, and how many seconds were worked on it. Nothing is taken from the response cache, or kept there.
    Raises RequestError.
    """
    began = time.monotonic()
    prepared = Prepared(dict(inputs), ())
    if model.preparation is not None:
        apply = model.preparation.apply
        prepared = await background.do(lambda: apply(inputs))
    future: asyncio.Future[Run] = asyncio.get_running_loop().create_future()

    def done(outcome: Outcome) -> None:
        if future.done():
            return
        if isinstance(outcome, RequestError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    rows = check_rows(inputs, model.signature, None)
    work = Work(inputs=prepared.inputs, outputs=names, rows=rows, done=done, priority=0 if urgent else -1)
    model.scheduler.submit(work)
    try:
        run = await future
    except asyncio.CancelledError:
        model.scheduler.cancel(work)
        raise
    if prepared.padded:
        run = replace(run, outputs=prepared.restore(names, run.outputs))
    return run, time.monotonic() - began - run.queued
