"""Workers: take keys, reconcile them, and sort what went wrong into later, never and bug."""

import asyncio
import logging
import time
from datetime import UTC, datetime

from onnx_operator.cache import Key
from onnx_operator.engine.journal import CURRENT_KEY, Entry, Journal
from onnx_operator.engine.queue import Queue
from onnx_operator.engine.reconcile import InvariantError, Reconciler
from onnx_operator.kube.errors import ConflictError, KubeError, TransientError
from onnx_operator.metrics import Metrics

UNREACHABLE = 10.0  # seconds

log = logging.getLogger(__name__)


class Crew:
    """What the workers share."""

    def __init__(self, queue: Queue[Key], reconciler: Reconciler, journal: Journal, metrics: Metrics) -> None:
        self._queue, self._reconciler, self._journal, self._metrics = queue, reconciler, journal, metrics

    async def work(self) -> None:
        """Reconcile keys until cancelled."""
        while True:
            key = await self._queue.take()
            CURRENT_KEY.set("/".join(key))
            began, at = time.monotonic(), datetime.now(UTC).isoformat(timespec="milliseconds")
            try:
                result, detail = await self._one(key)
            except asyncio.CancelledError:
                self._queue.done(key)  # whoever works next asks for all keys
                raise
            seconds = time.monotonic() - began
            self._metrics.reconciles.labels(result).inc()
            self._metrics.seconds.observe(seconds)
            self._journal.note(key, Entry(at, round(seconds, 4), result, detail))

    async def _one(self, key: Key) -> tuple[str, str]:
        """Reconcile a key and give it back to the queue; return the result's name and what there is to say of it."""
        try:
            done = await self._reconciler.reconcile(key)
        except ConflictError as error:
            delay = self._queue.failed(key)
            log.info("out of date, again in %.1f s: %s", delay, error)
            return "conflict", str(error)
        except TransientError as error:
            # No answer at all is no fault of this key's: when the API server is back, all keys go on within seconds.
            delay = self._queue.failed(key, None, None if error.status else UNREACHABLE, asked=error.retry_after)
            log.warning("again in %.1f s: %s", delay, error)
            return "transient", str(error)
        except KubeError as error:
            delay = self._queue.failed(key)
            log.error("again in %.1f s: %s", delay, error)
            return "refused", str(error)
        except InvariantError as error:
            for violation in error.broken:
                self._metrics.violations.labels(violation.name).inc()
            delay = self._queue.failed(key)
            log.error("a bug: nothing was written, again in %.1f s: %s", delay, error)
            return "invariant", str(error)
        except Exception as error:
            delay = self._queue.failed(key)
            log.exception("a bug, again in %.1f s", delay)
            return "bug", f"{type(error).__name__}: {error}"
        if done.refused:
            self._queue.failed(key, at_least=done.again_after, at_most=done.at_most)
        else:
            self._queue.done(key, done.again_after)
        return "done", done.summary
