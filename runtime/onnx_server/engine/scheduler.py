"""The bounded queue before one model, and the threads that run it. All of it belongs to the event loop."""

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from onnx_server.engine.model import Runs
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.protocol.errors import CancelledRequestError, OverloadedError, RequestError
from onnx_server.settings.model import ModelSettings


class Scheduler:
    """Runs a model's requests; at most `queue.size` more wait."""

    def __init__(self, name: str, model: Runs, settings: ModelSettings, statistics: ModelStatistics) -> None:
        self._name = name
        self._model = model
        self._settings = settings
        self._statistics = statistics
        self._threads = ThreadPoolExecutor(settings.instances, thread_name_prefix=f"run {name}")
        self._waiting: deque[tuple[Work, float]] = deque()
        self._running = 0

    @property
    def pending(self) -> int:
        """Requests that wait or run."""
        return len(self._waiting) + self._running

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def submit(self, work: Work) -> None:
        """Queue `work`. Raises OverloadedError at once where the queue is full."""
        if self._running >= self._settings.instances and len(self._waiting) >= self._settings.queue.size:
            raise OverloadedError(self._name, self._settings.queue.size)
        self._waiting.append((work, time.monotonic()))
        self._pump()

    def cancel(self, work: Work) -> None:
        """Take `work` out of the queue if it still waits; what runs is not interrupted."""
        for entry in self._waiting:
            if entry[0] is work:
                self._waiting.remove(entry)
                work.done(CancelledRequestError())
                return

    def close(self) -> None:
        """End the threads once what was submitted is done. Nothing may be submitted after it."""
        self._threads.shutdown(wait=False)

    def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and self._running < self._settings.instances:
            work, asked = self._waiting.popleft()
            self._running += 1
            loop.run_in_executor(self._threads, self._run, work, asked, loop)

    def _run(self, work: Work, asked: float, loop: asyncio.AbstractEventLoop) -> None:
        started = time.monotonic()
        outcome: Outcome
        try:
            outputs = self._model.run(work.inputs, work.outputs)
            outcome = Run(outputs, started - asked, time.monotonic() - started)
        except RequestError as error:
            outcome = error
        loop.call_soon_threadsafe(self._finished, work, outcome)

    def _finished(self, work: Work, outcome: Outcome) -> None:
        self._running -= 1
        if isinstance(outcome, Run):
            self._statistics.executed(work.rows, outcome.computed)
        work.done(outcome)
        self._pump()
