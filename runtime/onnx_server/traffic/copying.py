"""One copy of a request, from this pod's answer to what the mirror says of the candidate's."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.traffic import copies
from onnx_server.traffic.again import Model, again
from onnx_server.traffic.background import Background
from onnx_server.traffic.copies import LARGE_BYTES
from onnx_server.traffic.evidence import Compared, Copied, Evidence
from onnx_server.traffic.mirror.messages import Copy, Mirror, Told, Twice
from onnx_server.traffic.ran import Ran, parsed

log = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
"""After which a copy has failed."""
SLOWER = 10.0
"""Of a request that takes this pod seconds, the copy is late after so many times as long."""


@dataclass(slots=True, eq=False)
class Copying:
    """A request that this pod has answered: inputs as the client sent them, outputs by name, and how it ran.

    It took this pod so many `seconds`. What is found goes to the evidence of the course that was when it began, and to
    `compared`. `spent` is the CPU time that the copy took of a thread of this pod, in seconds.
    """

    model: Model
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    ran: Ran | None
    seconds: float
    evidence: Evidence
    compared: Compared
    spent: float = 0.0

    @property
    def size(self) -> int:
        """The bytes of its tensors."""
        return copies.size(self.inputs) + copies.size(self.outputs)

    @property
    def patience(self) -> float:
        """For how many seconds an answer is waited for."""
        return max(ANSWER_SECONDS, SLOWER * self.seconds)

    def message(self, limit: int) -> Copy:
        """Return what the mirror is told, to ask for an answer of at most `limit` bytes."""
        return Copy(self.compared.number, self.inputs, self.outputs, limit, self.patience)

    def let_go(self) -> None:
        """Keep no tensors: it will not run once more."""
        self.inputs = self.outputs = {}

    def keep(self) -> None:
        """Hold no more memory than its own: outputs may be a few rows of a large batch's."""
        self.outputs = copies.kept(self.outputs)

    def prepared(self, mirror: Mirror, limit: int) -> object:
        """Do on a thread what takes long with large tensors: `keep`, and what the mirror is told."""
        began = time.thread_time()
        self.keep()
        ready = mirror.prepared(self.message(limit))
        self.spent += time.thread_time() - began
        return ready

    def note(self, told: Told) -> Copied:
        """Note what the mirror says; return what came of it."""
        if told.described is not None:
            self.compared.described = told.described
        if told.bug:
            log.error("bug: a copy could not be compared", extra={"traceback": told.bug})
        elif told.outcome == "failed":
            self.evidence.copy_failed(late=told.late)
        elif told.outcome == "compared":
            self.evidence.copied(self.ran, parsed(told.ran), time.monotonic())
        return told.outcome

    async def compare_self(self, mirror: Mirror, background: Background, *, urgent: bool) -> tuple[float, int] | None:
        """Run it once more on this pod, and have the two compared: that is noise.

        It waits until there are no clients' requests, or its turn among them if it is `urgent`. Returns the seconds
        that it took of this pod's time, and how many requests had to wait for it; None if it had no turn.
        """
        names = tuple(self.outputs)
        try:
            async with asyncio.timeout(self.patience):
                run, _ = await again(self.model, self.inputs, names, background, urgent=urgent)
        except (RequestError, TimeoutError):
            return None  # this pod has more important things to do
        # Those that came while it ran, and wait or run by now; a few too many where several sessions run at once.
        held = self.model.scheduler.pending
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        twice = Twice(self.compared.number, self.outputs, dict(zip(names, run.outputs, strict=True)))
        large = copies.size(self.outputs) > LARGE_BYTES
        message = await background.do(partial(mirror.prepared, twice)) if large else twice

        def heard(told: Told) -> None:
            if told.described is not None:
                self.compared.described = told.described
            if not future.done():
                future.set_result(told)

        mirror.ask(message, heard)
        told = await future
        if told.bug:
            log.error("bug: a copy could not be compared with a run of this pod's own", extra={"traceback": told.bug})
        return run.computed + told.seconds, held
