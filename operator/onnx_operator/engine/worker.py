"""Workers: take keys, reconcile them, and sort what went wrong into later, never and bug."""

import asyncio
import logging

from onnx_operator.cache import Key
from onnx_operator.engine.queue import Queue
from onnx_operator.engine.reconcile import Reconciler
from onnx_operator.kube.errors import ConflictError, KubeError, TransientError

UNREACHABLE = 10.0  # seconds

log = logging.getLogger(__name__)


async def work(queue: Queue[Key], reconciler: Reconciler) -> None:
    """Reconcile keys until cancelled."""
    while True:
        key = await queue.take()
        name = "/".join(key)
        try:
            again = await reconciler.reconcile(key)
        except asyncio.CancelledError:
            queue.done(key)  # whoever works next asks for all keys
            raise
        except ConflictError as error:
            delay = queue.failed(key)
            log.info("%s: out of date, again in %.1f s: %s", name, delay, error, extra={"key": name})
        except TransientError as error:
            # No answer at all is no fault of this key's: when the API server is back, all keys go on within seconds.
            delay = queue.failed(key, error.retry_after, None if error.status else UNREACHABLE)
            log.warning("%s: again in %.1f s: %s", name, delay, error, extra={"key": name})
        except KubeError as error:
            delay = queue.failed(key)
            log.error("%s: again in %.1f s: %s", name, delay, error, extra={"key": name})
        except Exception:
            delay = queue.failed(key)
            log.exception("%s: a bug, again in %.1f s", name, delay, extra={"key": name})
        else:
            queue.done(key, again)
