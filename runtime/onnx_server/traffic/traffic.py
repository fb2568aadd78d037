"""What of this pod's requests goes to candidates: the split that applies, and each request by it."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from onnx_server.traffic import sticky
from onnx_server.traffic.arms import Arm, Counts, Failure
from onnx_server.traffic.balance import least_loaded
from onnx_server.traffic.breaker import Breaker
from onnx_server.traffic.candidate import Candidate
from onnx_server.traffic.dice import BlockDice, Shuffler
from onnx_server.traffic.forward import Forward
from onnx_server.traffic.latencies import RecentLatencies
from onnx_server.traffic.message import FORWARDED, Request
from onnx_server.traffic.outcome import Outcome
from onnx_server.traffic.parties import Client, Later, Timer
from onnx_server.traffic.preview import Preview
from onnx_server.traffic.split import Address, Split, begins_anew

log = logging.getLogger(__name__)

_NO = frozenset({b"", b"0", b"false"})
_ALWAYS = float("inf")


def _call_later(seconds: float, callback: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, callback)


class Traffic:
    """One for each process; only the event loop uses it.

    A transport looks at `active` first: without it there is nothing to do here.
    `on_hand_over` is called each time that connections are to be ended politely from now on. `outgoing` and `incoming`
    count forwarded requests since the start of the process.
    """

    def __init__(self, sender: str, randomness: Shuffler | None = None, later: Later = _call_later) -> None:
        """Begin without a split. `sender` is the revision of this pod."""
        self.active = False
        self.on_hand_over: list[Callable[[], None]] = []
        self.outgoing: Counter[Outcome] = Counter()
        self.incoming: Counter[str] = Counter()
        self._sender = sender.encode()
        self._randomness: Shuffler = randomness or random.Random()  # noqa: S311  no secret
        self._later = later
        self._split = Split()
        self._candidates: tuple[Candidate, ...] = ()
        self._counts = Counts()
        self._breaker = Breaker()
        self._dice: BlockDice | None = None
        self._latencies = RecentLatencies()
        self._turn = 0
        self._live: set[Forward | Preview] = set()

    @property
    def hand_over(self) -> bool:
        """Whether each connection is to be ended politely: other pods have taken over."""
        return self._split.hand_over

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
        self._latencies.usual = usual
        handed_over = split.hand_over and not self._split.hand_over
        self._split = split
        known = {candidate.address: candidate for candidate in self._candidates}
        self._candidates = tuple(
            known.pop(address) if address in known else Candidate(address, self._sender) for address in split.candidates
        )
        for candidate in known.values():
            candidate.retire()
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
        previews = self._split.preview_header is not None and bool(self._candidates)
        self.active = weight > 0 or previews or self._split.hand_over

    def took_over(self, version: str) -> bool:
        """Return whether the entry leads to pods with `version` now, so that who asks for it here is to get it."""
        revision = self._split.revision
        return self.hand_over and revision is not None and bool(self._candidates) and revision.endswith(f"-{version}")

    def route(self, headers: Iterable[tuple[bytes, bytes]], version: str | None) -> Arm:
        """Return who answers a request with these headers (names in lower case) that asks for `version`, if any."""
        split, user, preview = self._split, None, False
        for name, value in headers:
            if name == FORWARDED:
                return Arm.UNCOUNTED
            if name == split.sticky_by and user is None:
                user = value
            if name == split.preview_header and value.strip().lower() not in _NO:
                preview = True
        revision = split.revision
        if revision is None or (version and not revision.endswith(f"-{version}")):
            return Arm.UNCOUNTED  # this pod's version was asked by name
        if preview and self._candidates:
            return Arm.PREVIEW
        if self._dice is None:
            return Arm.UNCOUNTED
        yes = self._dice.roll() if user is None else sticky.to_candidate(revision, user, self._dice.weight)
        return Arm.CANDIDATE if yes else Arm.STABLE

    def forward(
        self, arm: Arm, request: Request, client: Client, deadline: float | None = None
    ) -> Forward | Preview | None:
        """Ask a candidate. Returns None, for arm CANDIDATE, if none can be asked now: answer it yourself.

        `deadline`, when the client stops waiting, is in seconds of time.monotonic().
        """
        now = time.monotonic()
        self._turn += 1
        if arm is Arm.PREVIEW:
            return self._preview(request, client)
        candidate = least_loaded(self._candidates, now, self._turn)
        if candidate is None:
            return None
        self._counts.candidate_requests += 1
        forward = Forward(client, lambda outcome: told(forward, outcome), self._later)
        told = partial(self._told, self._counts, self._breaker)
        self._live.add(forward)
        forward.begin(candidate.ask(request, forward), self._latencies.hedge_delay(deadline and deadline - now))
        return forward

    def _preview(self, request: Request, client: Client) -> Preview | None:
        candidate = least_loaded(self._candidates, _ALWAYS, self._turn)
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

    def _told(self, counts: Counts, breaker: Breaker, forward: Forward, outcome: Outcome) -> None:
        """Count what became of a request, by the split under which it began."""
        self._live.discard(forward)
        self.outgoing[outcome] += 1
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

    def answered_here(self, status: int, seconds: float) -> None:
        """Count an answer of this pod's to a request of arm STABLE: `status` is HTTP's, 499 if the client left."""
        if status == 499:
            return
        if self._dice is not None:
            self._counts.stable_requests += 1
            self._counts.stable_errors += status >= 500
        if status == 200:
            self._latencies.observe(seconds)

    def arrived(self, *, succeeded: bool) -> None:
        """Count the answer to a request that another pod forwarded."""
        self.incoming["answered" if succeeded else "failed"] += 1

    def close(self) -> None:
        """End all connections to candidates once they are idle."""
        for candidate in self._candidates:
            candidate.retire()

    def describe(self) -> dict[str, object]:
        """Return the state document, but for what it says of this pod."""
        split = self._split
        return {
            "generation": split.generation,
            "revision": split.revision,
            "weight": split.weight,
            "appliedWeight": self.applied_weight,
            "handOver": split.hand_over,
            "candidates": [_described(candidate) for candidate in self._candidates],
            "breaker": {"open": self._breaker.open, "reason": self._breaker.reason},
            **self._counts.describe(),
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
