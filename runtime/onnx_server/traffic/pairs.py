"""Pairs of durations: what the candidate took, by what this pod took for as much.

A ratio of two durations of the same work, measured within seconds of each other, needs no model of how time grows with
a batch, and a change of load or of the mix of batches moves both.
"""

import math
from collections import Counter, deque

from onnx_server.traffic.ran import Ran, alike

FRESH_SECONDS = 10.0
"""How old this pod's own execution may be."""
ALLOWED_SECONDS = 100e-6
"""What the candidate may take more: of tiny models, clocks and caches are as long as the work."""
LARGEST = 1000
_KINDS, _OF_A_KIND = 256, 64  # as many as copies may be under way


def percent(candidate: float, stable: float) -> int:
    """Return what the candidate took, in percent of what this pod took, rounded down; both in seconds."""
    return min(LARGEST, math.floor(100 * max(0.0, candidate - ALLOWED_SECONDS) / max(stable, 1e-9)))


class Pairs:
    """`compute` and `work` have how many pairs there were by their percentage; at most 1,001 of each.

    Own executions wait for their partners by their rows and elements: the newest 64 of each of at most 256 kinds.
    """

    def __init__(self) -> None:
        self.compute: Counter[int] = Counter()
        self.work: Counter[int] = Counter()
        self._own: dict[tuple[int, int], deque[tuple[float, float]]] = {}

    def own(self, rows: int, elements: int, seconds: float, now: float) -> None:
        """Note an execution of this pod's own."""
        waiting = self._own.get((rows, elements))
        if waiting is None:
            if len(self._own) >= _KINDS:
                self._make_room(now)
            waiting = self._own[rows, elements] = deque(maxlen=_OF_A_KIND)
        waiting.append((now, seconds))

    def _make_room(self, now: float) -> None:
        """Forget the kinds that are too old, or the oldest."""
        newest = {kind: waiting[-1][0] for kind, waiting in self._own.items() if waiting}
        fresh = {kind for kind, at in newest.items() if now - at <= FRESH_SECONDS}
        if len(fresh) >= _KINDS:
            fresh.discard(min(newest, key=newest.__getitem__))
        self._own = {kind: waiting for kind, waiting in self._own.items() if kind in fresh}

    def candidates(self, theirs: Ran, now: float) -> None:
        """Pair an execution of the candidate's, told by the one request of it that leads, with the newest own one."""
        if not theirs.lead:
            return
        found: deque[tuple[float, float]] | None = None
        for (rows, elements), waiting in self._own.items():
            newer = waiting and (found is None or waiting[-1] > found[-1])
            if newer and alike(rows, elements, theirs.rows, theirs.elements):
                found = waiting
        if found is not None and now - found[-1][0] <= FRESH_SECONDS:
            self.compute[percent(theirs.compute, found.pop()[1])] += 1

    def both(self, ours: Ran, theirs: Ran) -> None:
        """Pair what both servers did for one request, unless they did it in batches that are not alike."""
        if alike(ours.rows, ours.elements, theirs.rows, theirs.elements):
            self.work[percent(theirs.work, ours.work)] += 1

    def describe(self) -> dict[str, object]:
        """Return `compute` and `work` of the state document."""
        return {
            name: {str(key): counter[key] for key in sorted(counter)}
            for name, counter in (("compute", self.compute), ("work", self.work))
        }
