"""An event loop in a thread of its own, so that a test may block while something goes on."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds that a call into the loop may take."""

CLOSING = 0.25
"""Seconds for TLS connections to close: they do it behind the back of whoever closed them."""


@dataclass(frozen=True)
class LoopThread:
    """The running loop."""

    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop; return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start something in the loop; it can be cancelled by what is returned."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)


@contextmanager
def loop_thread(name: str) -> Iterator[LoopThread]:
    """Run a loop; what still runs in it at the end is cancelled."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name, daemon=True)
    thread.start()
    made = LoopThread(loop)
    try:
        yield made
    finally:
        made.run(_end_all())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _end_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(CLOSING)
