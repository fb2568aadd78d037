"""A thread that runs one session's batches, one after the other."""

import asyncio
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from onnx_server.engine.batching import Batch
from onnx_server.engine.execution import Executed, execute, execute_timed
from onnx_server.engine.model import Runs
from onnx_server.engine.work import Work

_working: set["Worker"] = set()

Finished = Callable[["Worker", Batch[Work], Executed], None]


def working() -> bool:
    """Whether a thread runs a model, which nothing can interrupt."""
    return bool(_working)


class Worker:
    """One session, and the thread that it has once a batch was given to it.

    The thread is a daemon: ONNX Runtime cannot be interrupted, and the process must be able to end.
    """

    def __init__(self, name: str, model: Runs, *, on_cpu: bool) -> None:
        self.model = model
        self._name = name
        self._on_cpu = on_cpu
        self._batches: SimpleQueue[Batch[Work] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def give(self, batch: Batch[Work], loop: asyncio.AbstractEventLoop, finished: Finished) -> None:
        """Run `batch` on the thread; `finished` hears of it on `loop`. Both are the same at each call."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(loop, finished), name=self._name, daemon=True)
            self._thread.start()
        _working.add(self)
        self._batches.put(batch)

    def end(self) -> None:
        """End the thread once it is idle."""
        self._batches.put(None)

    def _work(self, loop: asyncio.AbstractEventLoop, finished: Finished) -> None:
        while (batch := self._batches.get()) is not None:
            if self._on_cpu:
                executed = execute_timed(self.model, batch)
            else:
                executed = execute(self.model, batch, time.monotonic())
            _working.discard(self)
            try:
                loop.call_soon_threadsafe(finished, self, batch, executed)
            except RuntimeError:
                return  # The loop is closed: nobody waits for the answers.
            # Else they would live on until the next batch comes.
            del batch, executed
