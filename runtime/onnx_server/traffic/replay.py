"""Requests of the model's own while no client asks, so that quiet models give evidence, too."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from itertools import count

from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.traffic import copies
from onnx_server.traffic.again import Model
from onnx_server.traffic.shadow import Shadow

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.5
"""Between two requests."""
QUIET_SECONDS = 1.0
"""Without a request of a client, before the first."""


class Replay:
    """`model` gives this pod's model, once it is loaded; `asked` how many requests of clients there were until now."""

    def __init__(self, shadow: Shadow, model: Callable[[], Model | None], asked: Callable[[], int]) -> None:
        self._shadow = shadow
        self._model = model
        self._asked = asked
        self._task: asyncio.Task[None] | None = None

    def switch(self, *, on: bool) -> None:
        """Begin or end; nothing changes where it is so already."""
        if on and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif not on and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        seen, quiet = self._asked(), 0.0
        for turn in count():
            await asyncio.sleep(INTERVAL_SECONDS)
            asked = self._asked()
            quiet = quiet + INTERVAL_SECONDS if asked == seen else 0.0
            seen = asked
            if quiet >= QUIET_SECONDS:
                await self._one(turn)

    async def _one(self, turn: int) -> None:
        model = self._model()
        inputs = [] if model is None else _usable(model)
        if model is None or not inputs:
            return
        try:
            await self._shadow.replay(model, inputs[turn % len(inputs)])
        except RequestError as error:
            log.debug("a golden request was not run", extra={"said": error.message})


def _usable(model: Model) -> list[Mapping[str, Tensor]]:
    """Return the inputs that a client could send: with a preparation they are what comes of these."""
    return [golden.inputs for golden in model.golden if copies.fit(model.signature, golden.inputs)]
