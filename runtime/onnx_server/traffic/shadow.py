"""Which requests are copied to the candidate, and what copies may take.

Nothing here is on a client's way: a copy begins once its answer was written, tensors are compared on a thread, and
copied there too if they are large, and copies for which there is no room are dropped. They have connections of their
own, so that no client's request that is forwarded waits for one.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping

from onnx_server.engine.work import Run
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.request import InferRequest
from onnx_server.traffic import copies
from onnx_server.traffic.again import Model, again
from onnx_server.traffic.background import Background
from onnx_server.traffic.copying import Copying, Original
from onnx_server.traffic.dice import BlockDice, Randomness
from onnx_server.traffic.evidence import Copied, Evidence
from onnx_server.traffic.pool import Pool
from onnx_server.traffic.ran import ran
from onnx_server.traffic.room import Room
from onnx_server.traffic.self_runs import SelfRuns
from onnx_server.traffic.split import Address, Shadowing

log = logging.getLogger(__name__)

# A turn of the event loop, in which the client's answer is written, and a moment for a client that asks again at once.
_AFTER_SECONDS = 0.001


class Shadow:
    """Belongs to the event loop. `outcomes` counts copies since the start of the process, once `settle` was called."""

    def __init__(self, sender: bytes, randomness: Randomness) -> None:
        """Begin without an order. `sender` is the revision of this pod."""
        self.outcomes: Counter[Copied] = Counter()
        self._randomness = randomness
        self._pool = Pool(sender)
        self._room = Room()
        self._self_runs = SelfRuns()
        self._background = Background("compare outputs")
        self._settings = Shadowing(percent=1)
        self._evidence = Evidence(None, "")
        self._dice = BlockDice(1, randomness)
        # Until when no copy may begin, and how many requests have come since that was seen.
        self._full_until, self._passed = 0.0, 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        """Copies that are not over."""
        return self._room.in_flight

    def order(self, settings: Shadowing | None, candidates: tuple[Address, ...], evidence: Evidence) -> None:
        """Copy so from now on, and note it in `evidence`; None ends it, but for what is under way.

        `evidence` is the current course's in any case: no other one's, with the inputs that it keeps, is held.
        """
        self.settle()
        self._pool.replace(candidates if settings is not None else ())
        if evidence is not self._evidence:
            self._evidence = evidence
            self._room.rest()
            self._full_until = 0.0
            self._self_runs.anew()
        if settings is None:
            return
        if settings.percent != self._dice.weight:
            self._dice = BlockDice(settings.percent, self._randomness)
        if _bar(settings) != _bar(self._settings):
            evidence.comparing = None  # what was equal by one tolerance says nothing by another
            self._self_runs.anew()
        self._settings = settings
        self._room.max_in_flight, self._room.max_bytes = settings.max_in_flight, settings.max_bytes

    def takes(self, now: float) -> bool:
        """Roll the dice for a request that this pod has just answered; return whether it is to be copied.

        Most that are drawn of a busy pod would find no room: while that is known they are only counted, and the dice
        are rolled for all of them at once. `now` is in seconds of time.monotonic().
        """
        if now < self._full_until:
            self._passed += 1
            return False
        if self._passed:
            self.settle()
        dice = self._dice
        if dice.noes:
            dice.noes -= 1  # as `roll` does, without another call for each request
            return False
        dice.roll()
        copies = self._evidence.copies
        copies.sampled += 1
        if self._room.full(now):
            self._over(self._evidence, "inFlight")
            self._full_until = self._room.next
            return False
        return True

    def settle(self) -> None:
        """Roll the dice for the requests that came while there was no room: those drawn are dropped."""
        drawn, self._passed = self._dice.skip(self._passed), 0
        self._evidence.copies.sampled += drawn
        self._over(self._evidence, "inFlight", drawn)

    def copy(self, model: Model, request: InferRequest, run: Run, seconds: float, other_form: float) -> None:
        """Copy a request that `takes` has taken.

        Its answer was encoded `seconds` after its last byte had come, of which `other_form` were spent on decoding and
        encoding where that was not the binary form, in which a copy goes.
        """
        names = [output.spec.name for output in request.outputs]
        outputs = dict(zip(names, run.outputs, strict=True))
        work = seconds - run.queued - other_form
        comparable = not other_form or not copies.has_strings(request.inputs, outputs)
        self._begin(Original(model, request.inputs, outputs, ran(run, work) if comparable else None, seconds))

    async def replay(self, model: Model, inputs: Mapping[str, Tensor]) -> None:
        """Run `inputs`, which no client sent, and copy that; it counts as a client's in the evidence.

        Raises RequestError.
        """
        evidence, names = self._evidence, tuple(spec.name for spec in model.signature.outputs)
        try:
            run, work = await again(model, inputs, names, self._background)
        except RequestError as error:
            evidence.answered(error.status)
            raise
        evidence.answered(200)
        if evidence is not self._evidence:
            return
        if run.lead:
            evidence.led(run, time.monotonic())
        evidence.copies.sampled += 1
        evidence.copies.replayed += 1
        if self._room.crowded:
            self._over(evidence, "inFlight")
        else:
            outputs = dict(zip(names, run.outputs, strict=True))
            self._begin(Original(model, inputs, outputs, ran(run, work), work))

    def _begin(self, original: Original) -> None:
        size = copies.size(original.inputs) + copies.size(original.outputs)
        if not self._room.take(size, original.seconds, time.monotonic()):
            self._over(self._evidence, "bytes")
            return
        copying = Copying(original, self._evidence, self._settings, self._pool, self._background)
        task = asyncio.get_running_loop().create_task(self._copied(copying, self._evidence, size))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _copied(self, copying: Copying, evidence: Evidence, size: int) -> None:
        try:
            await asyncio.sleep(_AFTER_SECONDS)
            outcome = await self._run(copying)
            self._over(evidence, outcome)
        finally:
            self._room.give(size, copying.seconds, time.monotonic())
        # The copy's place is free: a run waits for all clients' requests, and takes as long as the model does.
        counts = outcome == "compared" and evidence is self._evidence
        clients = evidence.stable_requests - evidence.copies.replayed
        if counts and self._self_runs.begin(clients, time.monotonic()):
            await self._once_more(copying)

    async def _once_more(self, copying: Copying) -> None:
        took: tuple[float, int] | None = (0.0, 0)
        try:
            took = await copying.compare_self(urgent=self._self_runs.urgent)
        except Exception:
            log.exception("bug: a copy could not be compared with a run of this pod's own")
        finally:
            if took is None:
                self._self_runs.starved()
            else:
                self._self_runs.end(*took, time.monotonic())

    async def _run(self, copying: Copying) -> Copied:
        try:
            return await copying.run()
        except Exception:
            log.exception("bug: a copy could not be compared")
            return "failed"

    def _over(self, evidence: Evidence, outcome: Copied, count: int = 1) -> None:
        self.outcomes[outcome] += count
        evidence.copies.over[outcome] += count

    def close(self) -> None:
        """Let go of all that is under way."""
        for task in self._tasks:
            task.cancel()
        self._pool.replace(())
        self._background.end()


def _bar(settings: Shadowing) -> tuple[float, float, bool]:
    return settings.relative_tolerance, settings.absolute_tolerance, settings.keep_inputs
