"""One kind's objects in one scope, listed and then watched: what comes of it is in the cache.

kopf watches the models. What follows from a model is many times more events, for which kopf's way of handling each is
too dear (docs/adr/0006-reflectors.md).
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable

from onnx_operator.cache import Cache, Key
from onnx_operator.kube.errors import KubeError, RefusedError, TransientError
from onnx_operator.kube.kinds import Kind
from onnx_operator.kube.protocol import Kube

FIRST_WAIT = 0.25  # seconds, as all below
LASTING = 30.0
LONGEST_WAIT = 5.0  # an API server that comes back is met within seconds
WHEN_REFUSED = 30.0
GRACE = 10.0  # a watch that is begun anew within it was followed all the time
GONE = 410

log = logging.getLogger(__name__)


class Reflector:
    """Follows a kind. ``notify`` is called with each model of which something has changed."""

    def __init__(
        self, kube: Kube, cache: Cache, kind: Kind, scope: str | None, selector: str, notify: Callable[[Key], None]
    ) -> None:
        self._kube, self._cache, self._notify = kube, cache, notify
        self.kind, self._scope, self._selector = kind, scope, selector
        self._version: int | None = None
        self._wait = FIRST_WAIT / 2
        self._connected, self._refused, self._cut_at = False, False, float("-inf")

    @property
    def version(self) -> int:
        """The resource version up to which everything is in the cache, at least; 0 if nothing was listed yet."""
        return self._version or 0

    @property
    def follows(self) -> bool:
        """Whether the API server answers the watch, or did so until a moment ago."""
        return self._connected or time.monotonic() - self._cut_at < GRACE

    async def fill(self) -> None:
        """List all objects into the cache.

        Raises:
            KubeError: the list cannot be read.
        """
        fill = self._cache.fill(self.kind, self._scope)
        async for page in self._kube.pages(self.kind, self._scope, self._selector):
            fill.take(page)
        fill.done()
        # A watch that is ahead of this list goes on from where it is.
        self._version = max(self._version or 0, fill.version)
        for model in fill.changed:
            self._notify(model)

    async def follow(self) -> None:
        """Watch, for ever; list first where it is not known from where on."""
        while True:
            began, pause = time.monotonic(), 0.0
            try:
                if self._version is None:
                    await self.fill()
                await self._watch(self._version or 0)
            except RefusedError as error:
                # Said once: a namespace that is gone stays gone for long, and the full list says so.
                log.log(
                    logging.DEBUG if self._refused else logging.ERROR, "%s cannot be watched: %s", self._name, error
                )
                self._version, pause, self._refused = None, WHEN_REFUSED, True
            except KubeError as error:
                log.warning("the watch of %s is cut: %s", self._name, error)
                if error.status == GONE:
                    self._version = None
                if isinstance(error, TransientError):
                    pause = error.retry_after or 0.0
            if self._connected:
                self._connected, self._cut_at = False, time.monotonic()
            await asyncio.sleep(max(pause, self._pause(time.monotonic() - began)))

    async def _watch(self, version: int) -> None:
        async for event, obj in self._kube.watch(self.kind, self._scope, self._selector, version):
            self._connected, self._refused = True, False
            self._version = max(self._version or 0, int(obj["metadata"]["resourceVersion"]))
            if event == "BOOKMARK":
                continue
            take = self._cache.remove if event == "DELETED" else self._cache.put
            for model in take(self.kind, obj):
                self._notify(model)

    def _pause(self, lasted: float) -> float:
        """Return how long to wait until the next watch: longer and longer while they do not last."""
        self._wait = FIRST_WAIT if lasted > LASTING else min(LONGEST_WAIT, self._wait * 2)
        return self._wait * (0.5 + random.random() / 2)  # noqa: S311  (no secret)

    @property
    def _name(self) -> str:
        return f"{self.kind.plural} of {self._scope}" if self._scope else self.kind.plural
