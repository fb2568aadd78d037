"""One thread for what takes long and what no client waits for."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Does one job after the other; who gives it jobs bounds how many wait. The thread begins with the first one.

    It is a daemon, as a process that ends does not wait for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, job: Callable[[], T]) -> T:
        """Return what `job` returns, on the thread, or raise what it raises. It runs even if nobody waits any more."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(job, future))
        return await future

    def end(self) -> None:
        """End the thread once its jobs are done."""
        if self._thread is not None:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            said = job.run()
            try:
                job.loop.call_soon_threadsafe(said)
            except RuntimeError:
                return  # The loop is closed: nobody waits.
            del job, said  # Else its tensors would live on until the next one comes.


class _Job:
    """What is to be done, and the future of who waits."""

    __slots__ = ("_future", "_job", "loop")

    def __init__(self, job: Callable[[], Any], future: "asyncio.Future[Any]") -> None:
        self._job = job
        self._future = future
        self.loop = future.get_loop()

    def run(self) -> Callable[[], None]:
        """Do it; return what is to be said on the event loop."""
        future = self._future
        try:
            result = self._job()
        except Exception as error:  # noqa: BLE001  who waits hears it
            problem = error
            return lambda: None if future.done() else future.set_exception(problem)
        return lambda: None if future.done() else future.set_result(result)
