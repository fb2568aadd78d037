"""Copies of requests, from their arrival here to what the candidate's answers are worth."""

import asyncio
import random
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson

from onnx_server.comparison.comparisons import Comparisons
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import Signature
from onnx_server.traffic import copies
from onnx_server.traffic.background import Background
from onnx_server.traffic.copies import LARGE_BYTES, UnreadableAnswerError
from onnx_server.traffic.message import Answer
from onnx_server.traffic.mirror.asking import Unanswered, ask
from onnx_server.traffic.mirror.messages import Begin, Copy, Heard, Told, Twice
from onnx_server.traffic.outcome import failure_of
from onnx_server.traffic.pool import Pool
from onnx_server.traffic.split import Address

T = TypeVar("T")

CONNECT_SECONDS = 10.0
"""Longer than clients' requests wait: this process may not run for a while."""


class Copier:
    """A mirror, in whatever process it is."""

    starts = 1

    def __init__(self, sender: bytes) -> None:
        """Begin with nothing. `sender` is the revision of the pod whose requests are copied."""
        self._pool = Pool(sender, CONNECT_SECONDS)
        self._background = Background("compare outputs")
        self._of: _Comparing | None = None
        self._tasks: set[asyncio.Task[Told]] = set()

    def start(self, max_bytes: int) -> None:
        """Do nothing: it is there."""

    def order(self, candidates: tuple[Address, ...]) -> None:
        """Ask these pods from now on."""
        self._pool.replace(candidates)

    def begin(self, message: Begin) -> None:
        """Begin comparisons; those that went before end with what is under way."""
        self._of = _Comparing(message)

    def prepared(self, message: Copy | Twice) -> object:
        """Return the message itself."""
        return message

    def ask(self, message: object, heard: Heard, patience: float = 0.0) -> None:
        """Have a message compared; `patience` is the message's own."""

        def over(task: asyncio.Task[Told]) -> None:
            self._tasks.discard(task)
            heard(Told("interrupted") if task.cancelled() else task.result())

        if not isinstance(message, Copy | Twice):
            raise TypeError(f"a {type(message).__name__} is nothing to compare")
        task = asyncio.get_running_loop().create_task(self._told(message))
        self._tasks.add(task)
        task.add_done_callback(over)

    async def _told(self, message: Copy | Twice) -> Told:
        of, cpu = self._of, _CpuTime()
        if of is None or of.number != message.comparisons:
            return Told("interrupted")
        try:
            if isinstance(message, Copy):
                told = await self._copied(of, message, cpu)
            else:
                told = await self._compared(of, message, cpu)
            described = orjson.dumps(of.comparisons.describe()) if told.outcome == "compared" else None
        except Exception:  # noqa: BLE001  the pod tells it
            return Told("failed", seconds=cpu.seconds, bug=traceback.format_exc())
        return replace(told, seconds=cpu.seconds, described=described)

    async def _copied(self, of: "_Comparing", message: Copy, cpu: "_CpuTime") -> Told:
        answer = await self._answer(of, message, cpu)
        match answer:
            case "refused":
                return Told("unreachable")
            case "reset" | "late":
                return Told("failed", late=answer == "late")
        if answer.status == 503:
            return Told("overloaded")
        if answer.status == 413:
            return Told("bytes")  # the binary form may be larger than what the client sent, and was small enough there
        if answer.status != 200:
            return Told("failed", late=failure_of(answer.status) == "late")
        try:
            large = copies.size(message.outputs) > LARGE_BYTES
            await self._do(partial(_compare, of.comparisons, message, answer), cpu, large=large)
        except UnreadableAnswerError:
            return Told("failed")
        return Told("compared", ran=answer.ran)

    async def _answer(self, of: "_Comparing", message: Copy, cpu: "_CpuTime") -> Answer | Unanswered:
        candidate = self._pool.choose(time.monotonic())
        if candidate is None:
            return "refused"
        # Of a client that asked for some outputs only these are asked for; one that named none gets all there are.
        some = () if len(message.outputs) == len(of.signature.outputs) else tuple(message.outputs)
        encode = partial(copies.request, of.model, of.signature, message.inputs, message.limit, some)
        request = await self._do(encode, cpu, large=copies.size(message.inputs) > LARGE_BYTES)
        return await ask(candidate, request, message.patience)

    async def _compared(self, of: "_Comparing", message: Twice, cpu: "_CpuTime") -> Told:
        compare = partial(of.comparisons.compare_self, message.first, message.second)
        await self._do(compare, cpu, large=copies.size(message.first) > LARGE_BYTES)
        return Told("compared")

    async def _do(self, job: Callable[[], T], cpu: "_CpuTime", *, large: bool) -> T:
        """Return what `job` returns; of much on a thread, so that answers are in time meanwhile.

        Of little that would cost more than the job: each change of thread waits until the pod leaves CPU time again.
        """
        return await self._background.do(partial(cpu.of, job)) if large else cpu.of(job)

    async def kept(self, digest: str) -> Mapping[str, Tensor] | None:
        """Return the inputs of one of the worst copies; None if they were not kept."""
        return None if self._of is None else self._of.comparisons.kept(digest)

    def end(self) -> None:
        """Forget all."""
        self._of = None
        for task in self._tasks:
            task.cancel()
        self._pool.replace(())
        self._background.end()
        self._background = Background("compare outputs")


class _Comparing:
    """Comparisons, and what they are of."""

    def __init__(self, message: Begin) -> None:
        self.number = message.comparisons
        self.model = message.model
        self.signature: Signature = message.signature
        settings = message.settings
        tolerances = settings.relative_tolerance, settings.absolute_tolerance
        randomness = random.Random()  # noqa: S311  no secret
        self.comparisons = Comparisons(message.signature.outputs, *tolerances, settings.keep_inputs, randomness)


class _CpuTime:
    """Adds up what jobs take of their threads' CPU time, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def of(self, job: Callable[[], T]) -> T:
        """Return what `job` returns."""
        began = time.thread_time()
        try:
            return job()
        finally:
            self.seconds += time.thread_time() - began


def _compare(comparisons: Comparisons, message: Copy, answer: Answer) -> None:
    """Compare. Raises UnreadableAnswerError."""
    comparisons.compare(message.inputs, message.outputs, copies.outputs(answer), time.time())
