"""Full LISTs: the cache's first fill, and the regular cure for whatever the watches have missed."""

import asyncio
import logging

from onnx_operator import names
from onnx_operator.cache import Cache, Key
from onnx_operator.engine.queue import Queue
from onnx_operator.kube.client import Kube
from onnx_operator.kube.errors import KubeError
from onnx_operator.kube.kinds import MODEL, WATCHED

# The first one comes early: watches begin at about the same time as the first fill, and something may fall between.
FIRST_RESYNC = 30.0
RETRY = 5.0

log = logging.getLogger(__name__)


class Resync:
    """Keeps the cache true. ``namespaces`` is empty for the whole cluster; ``period`` is in seconds."""

    def __init__(self, kube: Kube, cache: Cache, queue: Queue[Key], namespaces: tuple[str, ...], period: float) -> None:
        self._kube, self._cache, self._queue = kube, cache, queue
        self._scopes: tuple[str | None, ...] = namespaces or (None,)
        self._period = period
        self.primed = asyncio.Event()

    async def run(self) -> None:
        """Fill the cache, then fill it again every period, until cancelled."""
        await self._until_done()
        self.primed.set()
        log.info("the cache is primed with %d models", len(self._cache.models()))
        await asyncio.sleep(min(FIRST_RESYNC, self._period))
        while True:
            await self._until_done()
            await asyncio.sleep(self._period)

    async def _until_done(self) -> None:
        while True:
            try:
                await self._once()
            except KubeError as error:
                log.error("cannot list the cluster's objects, again in %.0f s: %s", RETRY, error)
                await asyncio.sleep(RETRY)
            else:
                return

    async def _once(self) -> None:
        for kind in WATCHED:
            selector = "" if kind == MODEL else names.MANAGED_SELECTOR
            for scope in self._scopes:
                self._cache.replace(kind, scope, await self._kube.list(kind, scope, selector))
        for key in self._cache.models():
            self._queue.add(key)
