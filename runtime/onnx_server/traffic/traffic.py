"""What of this pod's requests goes to candidates: the split that applies, and each request by it."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial

from onnx_server.comparison.comparisons import OUTPUTS
from onnx_server.engine.work import Run
from onnx_server.protocol.datatypes import Tensor
from onnx_server.traffic.again import Model
from onnx_server.traffic.arms import CANDIDATE, STABLE, Arm, Counts, Failure
from onnx_server.traffic.breaker import Breaker
from onnx_server.traffic.candidate import Candidate
from onnx_server.traffic.dice import BlockDice, Randomness
from onnx_server.traffic.evidence import Evidence
from onnx_server.traffic.forward import Forward
from onnx_server.traffic.latencies import RecentLatencies
from onnx_server.traffic.message import Request
from onnx_server.traffic.mirror.chosen import Chosen
from onnx_server.traffic.mirror.messages import Mirror
from onnx_server.traffic.outcome import Outcome
from onnx_server.traffic.parties import Client, Later, Timer
from onnx_server.traffic.pool import Pool
from onnx_server.traffic.preview import Preview
from onnx_server.traffic.ran import parsed
from onnx_server.traffic.replay import Replay
from onnx_server.traffic.rules import Rules
from onnx_server.traffic.shadow import Shadow
from onnx_server.traffic.split import Address, Split, begins_anew

log = logging.getLogger(__name__)

_ALWAYS = float("inf")


def _call_later(seconds: float, callback: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, callback)


class Traffic:
    """One for each process; only the event loop uses it.

    A transport looks at `active` first: without it there is nothing to do here. `hand_over` is whether each connection
    is to be ended politely: other pods have taken over. `rules` are others each time that they change; `asked` counts
    the requests that were routed.
    `on_hand_over` is called each time that connections are to be ended politely from now on. `outgoing` and `incoming`
    count forwarded requests since the start of the process. `shadow` takes requests of arm STABLE that were answered
    with 200 here, while these are to be copied; `copies` is the same at any time.
    """

    def __init__(
        self,
        sender: str,
        randomness: Randomness | None = None,
        later: Later = _call_later,
        model: Callable[[], Model | None] = lambda: None,
        mirror: Mirror | None = None,
    ) -> None:
        """Begin without a split. `sender` is the revision of this pod, `model` gives its model once that is loaded.

        `mirror` sends copies, if it is to be another than `Chosen`.
        """
        self.active = False
        self.hand_over = False
        self.rules = Rules()
        self.shadow: Shadow | None = None
        self.on_hand_over: list[Callable[[], None]] = []
        self.outgoing: Counter[Outcome] = Counter()
        self.incoming: Counter[str] = Counter()
        self._randomness: Randomness = randomness or random.Random()  # noqa: S311  no secret
        self._later = later
        self._split = Split()
        self._candidates = Pool(sender.encode())
        self._counts = Counts()
        self._evidence = Evidence(None, "")
        self._breaker = Breaker()
        self._dice: BlockDice | None = None
        self._latencies = RecentLatencies()
        self._live: set[Forward | Preview] = set()
        self.asked = 0
        self._mirror = mirror or Chosen(sender.encode())
        self.copies = Shadow(self._mirror, self._randomness)
        self._model = model
        self._replay = Replay(self.copies, model, lambda: self.asked)

    @property
    def revision(self) -> str | None:
        """The candidate's revision."""
        return self._split.revision

    @property
    def applied_weight(self) -> int:
        """How many percent are forwarded: what was asked for, or 0 without candidates or with an open breaker."""
        return self._split.weight if self._candidates and not self._breaker.open else 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a candidate, and on which this pod does no work."""
        return sum(not forward.running for forward in self._live)

    def apply(self, split: Split, usual: float | None = None) -> None:
        """Replace the split. Raises StaleGenerationError; nothing changes then.

        `usual` is how many seconds nearly all requests have taken up to now, if that is known.
        """
        if begins_anew(self._split, split):
            self._counts, self._breaker = Counts(), Breaker()
        if (split.revision, split.course) != (self._evidence.revision, self._evidence.course):
            self._evidence = Evidence(split.revision, split.course)
        self._latencies.usual = usual
        handed_over = split.hand_over and not self.hand_over
        self._split, self.hand_over = split, split.hand_over
        self._candidates.replace(split.candidates)
        self.copies.order(split.shadow, split.candidates, self._evidence)
        self.shadow = None if split.shadow is None else self.copies
        self._replay.switch(on=split.shadow is not None and split.shadow.replay)
        self._refresh()
        if handed_over:
            for callback in self.on_hand_over:
                callback()

    def _refresh(self) -> None:
        weight = self.applied_weight
        if weight == 0:
            self._dice = None
        elif self._dice is None or self._dice.weight != weight:
            self._dice = BlockDice(weight, self._randomness)
        split = self._split
        preview_header = split.preview_header if self._candidates else None
        observed = split.revision is not None and (bool(split.course) or split.shadow is not None)
        self.rules = Rules(
            split.revision, weight, observed=observed, sticky_by=split.sticky_by, preview_header=preview_header
        )
        self.active = weight > 0 or preview_header is not None or split.hand_over or observed

    def took_over(self, version: str) -> bool:
        """Return whether the entry leads to pods with `version` now, so that who asks for it here is to get it."""
        revision = self._split.revision
        return self.hand_over and revision is not None and bool(self._candidates) and revision.endswith(f"-{version}")

    def route(self, headers: Collection[tuple[bytes, bytes]], version: str | None) -> Arm:
        """Return who answers a request with these headers (names in lower case) that asks for `version`, if any."""
        self.asked += 1
        return self.rules.arm(headers, version) or self.drawn()

    def drawn(self) -> Arm:
        """Return who answers a request for which `rules` have nobody."""
        return CANDIDATE if self._dice is not None and self._dice.roll() else STABLE

    def forward(
        self, arm: Arm, request: Request, client: Client, deadline: float | None = None
    ) -> Forward | Preview | None:
        """Ask a candidate. Returns None, for arm CANDIDATE, if none can be asked now: answer it yourself.

        `deadline`, when the client stops waiting, is in seconds of time.monotonic().
        """
        if arm is Arm.PREVIEW:
            return self._preview(request, client)
        now = time.monotonic()
        candidate = self._candidates.choose(now)
        if candidate is None:
            return None
        self._counts.candidate_requests += 1
        forward = Forward(client, lambda outcome: told(forward, outcome), self._later)
        told = partial(self._told, self._counts, self._breaker, self._evidence)
        self._live.add(forward)
        forward.begin(candidate.ask(request, forward), self._latencies.hedge_delay(deadline and deadline - now))
        return forward

    def _preview(self, request: Request, client: Client) -> Preview | None:
        candidate = self._candidates.choose(_ALWAYS)
        if candidate is None:
            return None
        self._counts.preview_requests += 1
        preview = Preview(client, lambda outcome: self._previewed(preview, outcome), self._later)
        self._live.add(preview)
        preview.begin(candidate.ask(request, preview))
        return preview

    def _previewed(self, preview: Preview, outcome: Outcome) -> None:
        self._live.discard(preview)
        self.outgoing[outcome] += 1

    def _told(self, counts: Counts, breaker: Breaker, evidence: Evidence, forward: Forward, outcome: Outcome) -> None:
        """Count what became of a request, by the split under which it began."""
        self._live.discard(forward)
        self.outgoing[outcome] += 1
        evidence.forwarded(outcome, parsed(forward.ran), time.monotonic())
        match outcome:
            case "answered":
                counts.candidate_answered += 1
                breaker.succeeded()
            case "bothRefused" | "left":
                return  # nothing that the candidate is to blame for
            case failure:
                counts.failures[failure] += 1
                self._failed(breaker, failure)

    def _failed(self, breaker: Breaker, failure: Failure) -> None:
        was_open = breaker.open
        breaker.failed(failure)
        if breaker.open and not was_open:
            log.warning("no more is forwarded", extra={"revision": self.revision, "reason": breaker.reason})
            self._refresh()

    def answered_here(self, status: int, seconds: float, run: Run | None = None, now: float | None = None) -> None:
        """Count an answer of this pod's to a request of arm STABLE: `status` is HTTP's, 499 if the client left.

        Of a good one `run` is what the engine gave; `now`, where it is known, is in seconds of time.monotonic().
        """
        if status == 499:
            return
        # As Evidence.answered and Evidence.led, without the calls: this is done for each request.
        evidence = self._evidence
        evidence.stable_requests += 1
        if status == 200:
            self._latencies.observe(seconds)
            if run is not None and run.lead:
                evidence.pairs.own(run.rows, run.elements, run.computed, now or time.monotonic())
        elif status >= 500:
            evidence.stable_errors += 1
        if self._dice is not None:
            self._counts.stable_requests += 1
            self._counts.stable_errors += status >= 500

    @property
    def shadow_percent(self) -> int:
        """How many percent of this pod's own answers are copied."""
        return 0 if self._split.shadow is None else self._split.shadow.percent

    def compared(self) -> dict[str, tuple[int, int, int]]:
        """Return how many copies were compared in this course, agreed and were equal, by output."""
        compared, model = self._evidence.compared, self._model()
        if compared is None:
            return {} if model is None else {spec.name: (0, 0, 0) for spec in model.signature.outputs[:OUTPUTS]}
        outputs = compared.describe()["outputs"]
        return {each["name"]: (each["samples"], each["agreed"], each["equal"]) for each in outputs}

    async def worst(self, digest: str) -> Mapping[str, Tensor] | None:
        """Return the inputs of a copy that differed much, by the digest of these, if they were kept."""
        return None if self._evidence.compared is None else await self._mirror.kept(digest)

    def arrived(self, *, succeeded: bool) -> None:
        """Count the answer to a request that another pod forwarded."""
        self.incoming["answered" if succeeded else "failed"] += 1

    def close(self) -> None:
        """End all connections to candidates once they are idle, and all copies."""
        self._replay.switch(on=False)
        self._candidates.replace(())
        self.copies.close()

    def describe(self) -> dict[str, object]:
        """Return the state document, but for what it says of this pod."""
        split = self._split
        self.copies.settle()
        return {
            "generation": split.generation,
            "revision": split.revision,
            "weight": split.weight,
            "appliedWeight": self.applied_weight,
            "handOver": split.hand_over,
            "candidates": [_described(candidate) for candidate in self._candidates],
            "breaker": {"open": self._breaker.open, "reason": self._breaker.reason},
            **self._counts.describe(),
            "shadow": {"percent": self.shadow_percent} | self._evidence.copies.describe(),
            "evidence": self._evidence.describe(),
        }


def _described(candidate: Candidate) -> dict[str, object]:
    address: Address = candidate.address
    return {
        "podUid": address.pod_uid,
        "address": address.address,
        "port": address.port,
        "inFlight": candidate.in_flight,
        "reachable": candidate.reachable,
    }
