"""Forwarding for those who await: a task answers, where this pod is to answer itself."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from onnx_server.protocol.errors import RequestError
from onnx_server.traffic.arms import Arm
from onnx_server.traffic.forward import Forward
from onnx_server.traffic.message import Answer, Request
from onnx_server.traffic.preview import Preview
from onnx_server.traffic.traffic import Traffic

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Own(Generic[T]):
    """What this pod answers itself."""

    value: T


class _Client(Generic[T]):
    """Brings the answer to a future. `forward` is set before anything is called."""

    forward: Forward | Preview

    def __init__(self, own: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self.future: asyncio.Future[Answer | Own[T]] = asyncio.get_running_loop().create_future()
        self._own = own
        self._task: asyncio.Task[None] | None = None

    def run(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._answer())

    async def _answer(self) -> None:
        try:
            value = await self._own()
        except RequestError as error:
            self.forward.own(error.status, partial(self._fail, error))
        except Exception as error:  # noqa: BLE001  whoever awaits hears it
            self.forward.own(500, partial(self._fail, error))
        else:
            self.forward.own(200, partial(self._give, Own(value)))

    def forwarded(self, answer: Answer) -> None:
        self._give(answer)

    def unreachable(self, message: str) -> None:
        self._fail(RequestError(502, message))

    def _give(self, value: Answer | Own[T]) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def end(self) -> None:
        """Let go of whatever is still under way."""
        self.forward.leave()
        if self._task is not None:
            self._task.cancel()


async def ask(
    traffic: Traffic,
    arm: Arm,
    request: Request,
    own: Callable[[], Coroutine[Any, Any, T]],
    deadline: float | None = None,
) -> Answer | Own[T]:
    """Return the candidate's answer, or what `own` gives where this pod is to answer.

    Raises what `own` raises, and RequestError 502 for a preview whose candidate cannot be reached. A cancelled caller
    cancels all of it. `deadline` is as `Traffic.forward` has it.
    """
    client = _Client(own)
    forward = traffic.forward(arm, request, client, deadline)
    if forward is None:
        if arm is Arm.PREVIEW:
            raise RequestError(502, "there is no candidate's pod any more")
        return Own(await own())
    client.forward = forward
    try:
        return await client.future
    finally:
        client.end()
