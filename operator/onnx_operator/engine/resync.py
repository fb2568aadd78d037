"""What fills the cache: full lists first and regularly, the reflectors of what follows from models in between."""

import asyncio
import logging
import time
from collections.abc import Callable

from onnx_operator import names
from onnx_operator.cache import Cache, Key
from onnx_operator.engine.queue import Queue
from onnx_operator.engine.reflector import Reflector
from onnx_operator.kube.errors import KubeError, RefusedError
from onnx_operator.kube.kinds import MODEL, WATCHED
from onnx_operator.kube.protocol import Kube

RETRY = 5.0
# A namespace that was refused may be there again: look so often.
REFUSED_NAMESPACES = 30.0
FORBIDDEN = 403
SELECTOR = {True: "", False: names.MANAGED_SELECTOR}

LEFT_OUT = (
    "namespace %s is left out: it does not exist, or its Role was deleted. Create it and run `helm upgrade`, or take "
    "it from watchNamespaces. The API server said: %s"
)

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
        self._cache, self._queue, self._namespaces = cache, queue, namespaces
        self._reflectors: dict[str | None, list[Reflector]] = {
            scope: [Reflector(kube, cache, kind, scope, SELECTOR[kind == MODEL], self._news) for kind in WATCHED]
            for scope in namespaces or (None,)
        }
        self._period, self._on_served = period, on_served
        self._refused, self._served = True, namespaces
        self._soon = asyncio.Event()
        self._due_at = float("inf")
        self.primed = asyncio.Event()

    async def run(self) -> None:
        """Fill the cache, follow what is in it, and fill it again every period, until cancelled."""
        await self._until_done()
        self.primed.set()
        log.info("the cache is primed with %d models", len(self._cache.models()))
        async with asyncio.TaskGroup() as tasks:
            for reflector in self._secondary():
                tasks.create_task(reflector.follow())
            while True:
                if not (await self._watches_begin() and await self._models()):
                    await self._until_done()

    @property
    def follows(self) -> bool:
        """Whether everything that can be listed is watched."""
        return all(reflector.follows for scope in self._scopes for reflector in self._secondary(scope))

    async def catch_up(self, version: int | None) -> None:
        """Take in what another replica wrote, and ask for every model.

        ``version`` is the resource version after its last write; None if nobody knows it, so that all is listed again.
        """
        if version is not None and self._knows(version):
            self._ask_for_every_model()
        else:
            await self._until_done()

    def soon(self) -> None:
        """Ask for a list of the models: kopf's watches have just begun, and tell nothing of what was deleted before."""
        self._soon.set()

    async def _watches_begin(self) -> bool:
        """Wait until kopf's watches have begun, and return True; False when a full list is due."""
        try:
            await asyncio.wait_for(self._soon.wait(), max(0.0, self._due_at - time.monotonic()))
        except TimeoutError:
            return False
        self._soon.clear()
        return True

    async def _models(self) -> bool:
        """List the models anew; return False if that failed, so that a full list has to find out why."""
        try:
            for scope in self._scopes:
                for reflector in self._reflectors[scope]:
                    if reflector.kind == MODEL:
                        await reflector.fill()
        except KubeError as error:
            self._refused = self._refused or isinstance(error, RefusedError)
            return False
        return True

    async def _until_done(self) -> None:
        while True:
            try:
                served = await self._once()
            except KubeError as error:
                self._refused = self._refused or isinstance(error, RefusedError)
                wait = max(RETRY, getattr(error, "retry_after", None) or 0.0)
                log.error("cannot list the cluster's objects, again in %.0f s: %s", wait, error)
                await asyncio.sleep(wait)
            else:
                break
        if self._refused or served != self._served:
            self._refused, self._served = False, served
            self._on_served(served)
        every = self._period if served == self._namespaces else REFUSED_NAMESPACES
        self._due_at = time.monotonic() + every

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
                log.error(LEFT_OUT, namespace, error)
        if refusals and len(refusals) == len(self._namespaces):
            raise next(iter(refusals.values()))
        self._ask_for_every_model()
        return tuple(namespace for namespace in self._namespaces if namespace not in refusals)

    def _ask_for_every_model(self) -> None:
        for key in self._cache.models():
            self._queue.add(key)

    async def _fill(self, namespace: str | None) -> None:
        for reflector in self._reflectors[namespace]:
            await reflector.fill()

    def _knows(self, version: int) -> bool:
        """Whether all that was true at a resource version is in the cache: versions of all kinds are one sequence."""
        return all(reflector.version >= version for scope in self._scopes for reflector in self._reflectors[scope])

    @property
    def _scopes(self) -> tuple[str | None, ...]:
        return self._served or (None,)

    def _secondary(self, *scopes: str | None) -> list[Reflector]:
        found = [self._reflectors[scope] for scope in scopes or self._reflectors]
        return [reflector for reflectors in found for reflector in reflectors if reflector.kind != MODEL]

    def _news(self, model: Key) -> None:
        # Before the first fill the cache is no base for decisions; the fill itself asks for every model.
        if self.primed.is_set():
            self._queue.add(model)
