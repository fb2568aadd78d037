"""Whether a candidate's output agrees with the stable version's as an honest retrain's does."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from onnx_server.comparison import kind, scores
from onnx_server.comparison.elements import Floats
from onnx_server.comparison.unrelated import Unrelated, distance, share

_SELF = 64
_SELF_ENOUGH = 8
SELF_LEAST = 0.75
"""An output that agrees with itself less often than this says nothing: everything agrees with it."""


@dataclass(frozen=True)
class Verdict:
    """Of one row: whether it agrees, or None if it served to learn. `top1` and `top_k` are None of what is no score.

    `unsure`: more different rows are needed until one can be said not to agree.
    """

    agreed: bool | None
    top1: bool | None = None
    top_k: bool | None = None
    unsure: bool = False


@dataclass(frozen=True)
class _Pair:
    """What of two rows is judged, now or later: their highest scores, and how far they are apart.

    `label`: they are one label or text each, of which there is nothing to learn.
    """

    top1: bool | None
    top_k: bool | None
    apart: float
    label: bool


class Agreement:
    """The rules of one output, and what they have learned of the stable version's rows.

    `exact` is of labels and texts, and `scores` says that the output's shape is one of scores. `itself` counts runs of
    the stable version's own that were judged, and those that agree.
    """

    def __init__(self, exact: bool, may_be_scores: bool) -> None:
        self._unrelated = Unrelated(exact)
        self._evidence = kind.Evidence() if may_be_scores and not exact else None
        self.kind: kind.Kind = "exact" if exact else "values"
        self.itself = (0, 0)
        self._self: deque[bool] = deque(maxlen=_SELF)
        self._later: deque[_Pair] = deque(maxlen=_SELF)

    def judge(self, stable: Floats, candidate: Floats, equal: bool) -> Verdict:
        """Say whether a row agrees, and learn from the stable version's. `equal` rows agree in any case."""
        verdict = self._verdict(self._pair(stable, candidate), equal)
        if verdict.agreed is False and self._unreliable:
            verdict = replace(verdict, agreed=True)
        self._learn(stable)
        for _ in range(len(self._later)):
            self._judge_self(self._later.popleft())
        return verdict

    def note_self(self, first: Floats, second: Floats) -> None:
        """Note two answers of the stable version to one request; while it still learns they are judged later."""
        if np.array_equal(first, second, equal_nan=True):
            self._count_self(True)  # whatever is learned: nothing is nearer
        else:
            self._judge_self(self._pair(first, second))

    def note_empty(self) -> None:
        """Note that the stable version answered a request twice with nothing."""
        self._count_self(True)

    @property
    def decided(self) -> bool:
        """Whether it is known whether the output is scores."""
        return self._evidence is None

    @property
    def _unreliable(self) -> bool:
        return len(self._self) >= _SELF_ENOUGH and sum(self._self) < SELF_LEAST * len(self._self)

    def _judge_self(self, pair: _Pair) -> None:
        agreed = self._verdict(pair, False).agreed
        if agreed is None:
            self._later.append(pair)
        else:
            self._count_self(agreed)

    def _count_self(self, agreed: bool) -> None:
        judged, all_agreed = self.itself
        self.itself = judged + 1, all_agreed + agreed  # both at once: another thread may look
        self._self.append(agreed)

    def _pair(self, stable: Floats, candidate: Floats) -> _Pair:
        top1 = top_k = None
        if self.kind == "scores" or not self.decided:
            top1, top_k = scores.top1(stable, candidate), scores.top_k(stable, candidate)
        apart = 0.0
        if self.kind != "scores":
            apart = share(stable, candidate) if self.kind == "exact" else distance(stable, candidate)
        return _Pair(top1, top_k, apart, self.kind == "exact" and stable.size == 1)

    def _verdict(self, pair: _Pair, equal: bool) -> Verdict:
        if self.kind == "scores":
            return Verdict(pair.top1, pair.top1, pair.top_k)
        if pair.label:
            return Verdict(pair.apart == 0.0)
        if not self._unrelated.learned:
            return Verdict(None, pair.top1, pair.top_k)
        near = bool(np.isfinite(pair.apart) and pair.apart <= self._unrelated.near)
        # As long as it may be both, it agrees if it does as either.
        agreed = equal or (near and (self.decided or bool(pair.top1)))
        unsure = not self.decided or self._unrelated.few
        return Verdict(None if unsure and not agreed else agreed, pair.top1, pair.top_k, unsure)

    def _learn(self, stable: Floats) -> None:
        if self.kind == "scores" or (self.kind == "exact" and stable.size == 1):
            return
        new = self._unrelated.learn(stable)
        if self._evidence is None:
            return
        if new:
            self._evidence.learn(stable)
        if self._evidence.decided(self._unrelated.seen):
            self.kind, self._evidence = self._evidence.kind(), None
