"""Run loads on threads: one at a time, so that a repository does not take the memory of several loads at once."""

import asyncio
import logging
import threading
from collections.abc import Callable

from onnx_server.failures import Failure, Reason
from onnx_server.models.loaded import Loaded
from onnx_server.protocol.errors import RequestError, unavailable

log = logging.getLogger(__name__)


class Loader:
    """Belongs to the event loop. Its threads are daemons: ONNX Runtime cannot be interrupted, and no signal waits."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._awaited: asyncio.Future[Loaded] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether a thread still loads, whoever waits for it."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Let nobody wait for a load any more: the server ends."""
        self._stopped = True
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(_stopping())

    async def run(self, load: Callable[[], Loaded]) -> Loaded:
        """Return what `load` returns. Raises its Failure, ModelLoadFailed for all else, RequestError 503 if stopped.

        What is loaded when nobody waits for it any more is closed.
        """
        async with self._one_at_a_time:
            if self._stopped:
                raise _stopping()
            loop = asyncio.get_running_loop()
            future: asyncio.Future[Loaded] = loop.create_future()
            self._awaited = future
            self._thread = threading.Thread(target=_run, args=(load, future, loop), name="load", daemon=True)
            self._thread.start()
            try:
                return await future
            finally:
                # The future holds the model, which must not outlive its unloading.
                self._awaited = None


def _run(load: Callable[[], Loaded], future: "asyncio.Future[Loaded]", loop: asyncio.AbstractEventLoop) -> None:
    outcome: Loaded | Failure
    try:
        outcome = load()
    except Failure as failure:
        outcome = failure
    except Exception as error:
        log.exception("bug: a model could not be loaded for an unexpected reason")
        outcome = Failure(Reason.MODEL_LOAD_FAILED, f"unexpected {type(error).__name__}: {error}")
    if not loop.is_closed():
        loop.call_soon_threadsafe(_finish, future, outcome)


def _finish(future: "asyncio.Future[Loaded]", outcome: Loaded | Failure) -> None:
    if isinstance(outcome, Failure):
        if not future.done():
            future.set_exception(outcome)
    elif future.done():
        outcome.scheduler.close()
    else:
        future.set_result(outcome)


def _stopping() -> RequestError:
    return unavailable("the server stops: it loads no more models")
