"""Full LISTs: the cache's first fill, and the regular cure for whatever the watches have missed."""

import asyncio
import logging
from collections.abc import Callable

from onnx_operator import names
from onnx_operator.cache import Cache, Key
from onnx_operator.engine.queue import Queue
from onnx_operator.kube.client import Kube
from onnx_operator.kube.errors import KubeError, RefusedError
from onnx_operator.kube.kinds import MODEL, WATCHED

# Watches begin after a list of their own, and tell nothing of what was deleted before it: list again once they run.
AFTER_WATCHES_BEGIN = 10.0
RETRY = 5.0
# A namespace that was refused may be there again: look so often.
REFUSED_NAMESPACES = 30.0
FORBIDDEN = 403

log = logging.getLogger(__name__)


class Resync:
    """Keeps the cache true. ``namespaces`` is empty for the whole cluster; ``period`` is in seconds.

    A listed namespace that the API server forbids costs the others nothing: most often it was deleted, and its Role
    with it. ``on_served`` is called with the namespaces that are left when the first list succeeds, when they are
    others than before, and when a list succeeds after the API server refused one: what is served, the
    CustomResourceDefinition above all, may have changed.
    """

    def __init__(
        self,
        kube: Kube,
        cache: Cache,
        queue: Queue[Key],
        namespaces: tuple[str, ...],
        period: float,
        on_served: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._kube, self._cache, self._queue = kube, cache, queue
        self._namespaces = namespaces
        self._period, self._on_served = period, on_served
        self._refused, self._served = True, namespaces
        self._soon = asyncio.Event()
        self.primed = asyncio.Event()

    async def run(self) -> None:
        """Fill the cache, then fill it again every period, until cancelled."""
        while True:
            await self._until_done()
            if not self.primed.is_set():
                self.primed.set()
                log.info("the cache is primed with %d models", len(self._cache.models()))
            await self._next()

    async def refresh(self) -> None:
        """Fill the cache now: what another replica wrote last is in it, and every model is asked for."""
        await self._until_done()

    def soon(self) -> None:
        """Ask for a list: watches have just begun, and may have missed something before."""
        self._soon.set()

    async def _next(self) -> None:
        all_served = self._served == self._namespaces
        try:
            await asyncio.wait_for(self._soon.wait(), self._period if all_served else REFUSED_NAMESPACES)
        except TimeoutError:
            return
        self._soon.clear()
        await asyncio.sleep(min(AFTER_WATCHES_BEGIN, self._period))

    async def _until_done(self) -> None:
        while True:
            try:
                served = await self._once()
            except KubeError as error:
                self._refused = self._refused or isinstance(error, RefusedError)
                log.error("cannot list the cluster's objects, again in %.0f s: %s", RETRY, error)
                await asyncio.sleep(RETRY)
            else:
                break
        if self._refused or served != self._served:
            self._refused, self._served = False, served
            self._on_served(served)

    async def _once(self) -> tuple[str, ...]:
        """Fill the cache; return the namespaces that could be listed, empty for the whole cluster."""
        refusals: dict[str, RefusedError] = {}
        for namespace in self._namespaces or (None,):
            try:
                await self._fill(namespace)
            except RefusedError as error:
                if namespace is None or error.status != FORBIDDEN:
                    raise
                refusals[namespace] = error
                log.error(
                    "namespace %s is left out: it does not exist, or its Role was deleted. Create it and run `helm "
                    "upgrade`, or take it from watchNamespaces. The API server said: %s",
                    namespace,
                    error,
                )
        if refusals and len(refusals) == len(self._namespaces):
            raise next(iter(refusals.values()))
        for key in self._cache.models():
            self._queue.add(key)
        return tuple(namespace for namespace in self._namespaces if namespace not in refusals)

    async def _fill(self, namespace: str | None) -> None:
        for kind in WATCHED:
            selector = "" if kind == MODEL else names.MANAGED_SELECTOR
            fill = self._cache.fill(kind, namespace)
            async for page in self._kube.pages(kind, namespace, selector):
                fill.take(page)
            fill.done()
