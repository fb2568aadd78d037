"""Which requests are copied to the candidate, and what copies may take.

Nothing here is on a client's way: a copy begins once its answer was written, another process (the mirror) asks the
candidate and compares, and copies for which there is no room are dropped.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from onnx_server.engine.work import Run
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.request import InferRequest
from onnx_server.traffic import copies
from onnx_server.traffic.again import Model, again
from onnx_server.traffic.background import Background
from onnx_server.traffic.copies import LARGE_BYTES
from onnx_server.traffic.copying import Copying
from onnx_server.traffic.dice import BlockDice, Randomness
from onnx_server.traffic.evidence import Compared, Copied, Evidence
from onnx_server.traffic.mirror.messages import Begin, Mirror, Told
from onnx_server.traffic.ran import Ran, ran
from onnx_server.traffic.room import Room
from onnx_server.traffic.self_runs import SelfRuns
from onnx_server.traffic.split import Address, Shadowing

log = logging.getLogger(__name__)

LOOP_SECONDS = 300e-6
"""What a copy takes besides what is measured: two messages here, a write and an answer in the mirror."""
# A turn of the event loop, in which the client's answer is written, and a moment for a client that asks again at once.
_AFTER_SECONDS = 0.001


class Shadow:
    """Belongs to the event loop. `outcomes` counts copies since the start of the process, once `settle` was called."""

    def __init__(self, mirror: Mirror, randomness: Randomness) -> None:
        """Begin without an order."""
        self.outcomes: Counter[Copied] = Counter()
        self._randomness = randomness
        self._mirror = mirror
        self._begun = 0
        self._room = Room()
        self._self_runs = SelfRuns()
        self._background = Background("copies")
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

        `evidence` is the current course's in any case: with another one's the mirror ends, and what is under way there.
        """
        self.settle()
        if evidence is not self._evidence:
            self._mirror.end()
            self._evidence = evidence
            self._room.rest()
            self._full_until = 0.0
            self._self_runs.anew()
        self._mirror.order(candidates if settings is not None else ())
        if settings is None:
            return
        if settings.percent != self._dice.weight:
            self._dice = BlockDice(settings.percent, self._randomness)
        if _bar(settings) != _bar(self._settings):
            evidence.compared = None  # what was equal by one tolerance says nothing by another
            self._self_runs.anew()
        self._settings = settings
        self._mirror.start(settings.max_bytes)  # it takes a while
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
        self._begin(model, request.inputs, outputs, ran(run, work) if comparable else None, seconds)

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
            self._begin(model, inputs, outputs, ran(run, work), work)

    def _begin(
        self, model: Model, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor], ran: Ran | None, seconds: float
    ) -> None:
        copying = Copying(model, inputs, outputs, ran, seconds, self._evidence, self._compared(model))
        size = copying.size
        if not self._room.take(size, seconds, time.monotonic()):
            self._over(self._evidence, "bytes")
            return
        asyncio.get_running_loop().call_later(_AFTER_SECONDS, self._hand_over, copying, size)

    def _compared(self, model: Model) -> Compared:
        """Return where comparisons go; they begin anew in a mirror that knows of none."""
        self._mirror.start(self._settings.max_bytes)
        compared = self._evidence.compared
        if compared is None or compared.start != self._mirror.starts:
            self._begun += 1
            compared = self._evidence.compared = Compared(self._begun, self._mirror.starts)
            self._mirror.begin(Begin(compared.number, model.name, model.signature, self._settings))
        return compared

    def _hand_over(self, copying: Copying, size: int) -> None:
        if size > LARGE_BYTES:
            self._do(self._hand_over_large(copying, size))
            return
        try:
            copying.keep()
            self._ask(copying, size, copying.message(self._settings.max_bytes))
        except Exception:
            log.exception("bug: a copy could not be handed over")
            self._heard(copying, size, Told("interrupted"), again=False)

    async def _hand_over_large(self, copying: Copying, size: int) -> None:
        try:
            message = await self._background.do(partial(copying.prepared, self._mirror, self._settings.max_bytes))
            self._ask(copying, size, message)
        except Exception:
            log.exception("bug: a copy could not be handed over")
            self._heard(copying, size, Told("interrupted"), again=False)
        except asyncio.CancelledError:
            self._heard(copying, size, Told("interrupted"), again=False)
            raise

    def _ask(self, copying: Copying, size: int, message: object) -> None:
        again = self._self_runs.wants(self._clients, time.monotonic())
        self._mirror.ask(message, lambda told: self._heard(copying, size, told, again=again), copying.patience)
        if not again:
            copying.let_go()

    def _heard(self, copying: Copying, size: int, told: Told, *, again: bool) -> None:
        outcome = copying.note(told)
        now = time.monotonic()
        self._over(copying.evidence, outcome)
        self._room.give(size, copying.seconds, LOOP_SECONDS + copying.spent + told.seconds, now, told.contended)
        # The copy's place is free: a run waits for all clients' requests, and takes as long as the model does.
        if outcome == "compared" and copying.evidence is self._evidence:
            if not again:
                self._self_runs.pass_over()
            elif self._self_runs.begin(self._clients, now):
                self._do(self._once_more(copying))

    @property
    def _clients(self) -> int:
        """Requests of clients in this course."""
        return self._evidence.stable_requests - self._evidence.copies.replayed

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _once_more(self, copying: Copying) -> None:
        took: tuple[float, int] | None = (0.0, 0)
        try:
            took = await copying.compare_self(self._mirror, self._background, urgent=self._self_runs.urgent)
        except Exception:
            log.exception("bug: a copy could not be compared with a run of this pod's own")
        finally:
            if took is None:
                self._self_runs.starved()
            else:
                self._self_runs.end(*took, time.monotonic())

    def _over(self, evidence: Evidence, outcome: Copied, count: int = 1) -> None:
        self.outcomes[outcome] += count
        evidence.copies.over[outcome] += count

    def close(self) -> None:
        """Let go of all that is under way."""
        for task in self._tasks:
            task.cancel()
        self._mirror.end()
        self._background.end()


def _bar(settings: Shadowing) -> tuple[float, float, bool]:
    return settings.relative_tolerance, settings.absolute_tolerance, settings.keep_inputs
