"""The bounded queue before the model. Dynamic batching will have its place here: what waits may run together."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from onnx_server.engine.model import Runs
from onnx_server.protocol.datatypes import Tensor


class QueueFullError(Exception):
    """More requests wait than the queue holds."""


@dataclass(frozen=True)
class Run:
    """The outputs in the order asked for, and how long the request waited and ran, in seconds."""

    outputs: list[Tensor]
    queued: float
    computed: float


class Runner:
    """Runs the model on `concurrency` threads; at most `queue_size` more requests wait for one."""

    def __init__(self, model: Runs, concurrency: int, queue_size: int) -> None:
        self._model = model
        self._limit = concurrency + queue_size
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="run")
        self._pending = 0

    @property
    def pending(self) -> int:
        """Requests that wait or run."""
        return self._pending

    async def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> Run:
        """Run the model once. Raises QueueFullError at once, or ModelError."""
        if self._pending >= self._limit:
            raise QueueFullError
        self._pending += 1
        asked = time.monotonic()

        def run() -> Run:
            started = time.monotonic()
            results = self._model.run(inputs, outputs)
            return Run(results, started - asked, time.monotonic() - started)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        finally:
            self._pending -= 1
