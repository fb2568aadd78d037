"""One copy of a request, from this pod's answer to what the candidate's is worth."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from onnx_server.comparison.comparisons import Comparisons
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.traffic import copies
from onnx_server.traffic.again import Model, again
from onnx_server.traffic.asking import ANSWER_SECONDS, Unanswered, ask
from onnx_server.traffic.background import Background
from onnx_server.traffic.copies import UnreadableAnswerError
from onnx_server.traffic.evidence import Comparing, Copied, Evidence
from onnx_server.traffic.message import Answer
from onnx_server.traffic.outcome import failure_of
from onnx_server.traffic.pool import Pool
from onnx_server.traffic.ran import Ran, parsed
from onnx_server.traffic.split import Shadowing

T = TypeVar("T")

LARGE_BYTES = 1024 * 1024
"""What is larger is not copied on the event loop, where all clients would wait for it."""
LOOP_SECONDS = 300e-6
"""What a copy takes besides what is measured: a task, a write, parsing the answer, two changes of thread."""
SLOWER = 10.0
"""Of a request that takes this pod seconds, the copy is late after so many times as long."""


@dataclass(slots=True, eq=False)
class Original:
    """A request that this pod has answered: inputs as the client sent them, outputs by name, and how it ran.

    It took this pod so many `seconds`.
    """

    model: Model
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    ran: Ran | None
    seconds: float = 0.0


class Copying:
    """`seconds` is what it has taken of this pod's time: of the event loop, and of the thread that compares.

    What it finds goes to the evidence of the course that was when it began.
    """

    def __init__(
        self, original: Original, evidence: Evidence, settings: Shadowing, pool: Pool, background: Background
    ) -> None:
        self.seconds = LOOP_SECONDS
        self._original = original
        self._evidence = evidence
        self._settings = settings
        self._pool = pool
        self._background = background
        if evidence.comparing is None:
            evidence.comparing = _comparing(original.model, settings)
        self._comparing: Comparing = evidence.comparing

    async def run(self) -> Copied:
        """Ask the candidate, compare, and say what came of it."""
        original = self._original
        original.outputs = await self._do(partial(copies.kept, original.outputs), copies.size(original.outputs))
        answer = await self._answer()
        match answer:
            case "refused":
                return "unreachable"
            case "reset" | "late":
                return self._failed(late=answer == "late")
        if answer.status == 503:
            return "overloaded"
        if answer.status == 413:
            return "bytes"  # the binary form may be larger than what the client sent, and was small enough here
        if answer.status != 200:
            return self._failed(late=failure_of(answer.status) == "late")
        try:
            _, seconds = await self._background.do(partial(_timed, partial(self._compare, answer)))
            self.seconds += seconds
        except UnreadableAnswerError:
            return self._failed(late=False)
        self._evidence.copied(self._original.ran, parsed(answer.ran), time.monotonic())
        return "compared"

    async def _answer(self) -> Answer | Unanswered:
        if self._pool.choose(time.monotonic()) is None:
            return "refused"
        original, signature = self._original, self._original.model.signature
        # Of a client that asked for some outputs only these are asked for; one that named none gets all there are.
        some = () if len(original.outputs) == len(signature.outputs) else tuple(original.outputs)
        encode = partial(
            copies.request, original.model.name, signature, original.inputs, self._settings.max_bytes, some
        )
        request = await self._do(encode, copies.size(original.inputs))
        candidate = self._pool.choose(time.monotonic())  # others may be there by now
        return "refused" if candidate is None else await ask(candidate, request, self._patience)

    async def _do(self, job: Callable[[], T], size: int) -> T:
        """Return what `job` returns, which copies so many bytes: on the thread if these are many."""
        result, seconds = await self._background.do(partial(_timed, job)) if size > LARGE_BYTES else _timed(job)
        self.seconds += seconds
        return result

    @property
    def _patience(self) -> float:
        return max(ANSWER_SECONDS, SLOWER * self._original.seconds)

    def _compare(self, answer: Answer) -> None:
        """Compare, on the thread. Raises UnreadableAnswerError."""
        theirs = copies.outputs(answer)
        self._comparing.compare(self._original.inputs, self._original.outputs, theirs, time.time())

    def _failed(self, *, late: bool) -> Copied:
        self._evidence.copy_failed(late=late)
        return "failed"

    async def compare_self(self, *, urgent: bool) -> tuple[float, int] | None:
        """Run the original once more on this pod, and compare the two: that is noise.

        It waits until there are no clients' requests, or its turn among them if it is `urgent`. Returns the seconds
        that it took of this pod's time, which `seconds` leaves out, and how many requests had to wait for it; None if
        it had no turn.
        """
        original = self._original
        try:
            async with asyncio.timeout(self._patience):
                names = tuple(original.outputs)
                run, _ = await again(original.model, original.inputs, names, self._background, urgent=urgent)
        except (RequestError, TimeoutError):
            return None  # this pod has more important things to do
        # Those that came while it ran, and wait or run by now; a few too many where several sessions run at once.
        held = original.model.scheduler.pending
        second = dict(zip(original.outputs, run.outputs, strict=True))
        compare = partial(self._comparing.compare_self, original.outputs, second)
        _, seconds = await self._background.do(partial(_timed, compare))
        return run.computed + seconds, held


def _timed(job: Callable[[], T]) -> tuple[T, float]:
    """Return what `job` returns, and the CPU time that it took of this thread."""
    began = time.thread_time()
    result = job()
    return result, time.thread_time() - began


def _comparing(model: Model, settings: Shadowing) -> Comparing:
    tolerances = settings.relative_tolerance, settings.absolute_tolerance
    randomness = random.Random()  # noqa: S311  no secret
    return Comparisons(model.signature.outputs, *tolerances, settings.keep_inputs, randomness)
