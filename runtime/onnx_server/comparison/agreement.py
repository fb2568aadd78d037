"""Whether a candidate's output agrees with the stable version's as an honest retrain's does."""

from collections import deque
from dataclasses import dataclass

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
    """Of one row: whether it agrees, or None if it served to learn. The others are None of what is no score."""

    agreed: bool | None
    top1: bool | None = None
    top_k: bool | None = None


class Agreement:
    """The rules of one output, and what they have learned of the stable version's rows.

    `exact` is of labels and texts, and `scores` says that the output's shape is one of scores.
    """

    def __init__(self, exact: bool, may_be_scores: bool) -> None:
        self._unrelated = Unrelated(exact)
        self._evidence = kind.Evidence() if may_be_scores and not exact else None
        self.kind: kind.Kind = "exact" if exact else "values"
        self._self: deque[bool] = deque(maxlen=_SELF)

    def judge(self, stable: Floats, candidate: Floats, equal: bool) -> Verdict:
        """Say whether a row agrees, and learn from the stable version's. `equal` rows agree in any case."""
        verdict = self._verdict(stable, candidate, equal)
        if verdict.agreed is False and self._unreliable:
            verdict = Verdict(True, verdict.top1, verdict.top_k)
        self._learn(stable)
        return verdict

    def note_self(self, first: Floats, second: Floats) -> None:
        """Note two answers of the stable version to one request."""
        agreed = self._verdict(first, second, False).agreed
        if agreed is not None:
            self._self.append(agreed)

    @property
    def decided(self) -> bool:
        """Whether it is known whether the output is scores."""
        return self._evidence is None

    @property
    def _unreliable(self) -> bool:
        return len(self._self) >= _SELF_ENOUGH and sum(self._self) < SELF_LEAST * len(self._self)

    def _verdict(self, stable: Floats, candidate: Floats, equal: bool) -> Verdict:
        if self.kind == "scores" or not self.decided:
            top1 = scores.top1(stable, candidate)
            return Verdict(top1 if self.decided else None, top1, scores.top_k(stable, candidate))
        if self.kind == "exact" and stable.size == 1:
            return Verdict(bool(stable[0] == candidate[0]))
        if not self._unrelated.learned:
            return Verdict(None)
        apart = share(stable, candidate) if self.kind == "exact" else distance(stable, candidate)
        return Verdict(equal or bool(np.isfinite(apart) and apart <= self._unrelated.near))

    def _learn(self, stable: Floats) -> None:
        if self.kind == "scores" or (self.kind == "exact" and stable.size == 1):
            return
        self._unrelated.learn(stable)
        if self._evidence is not None:
            self._evidence.learn(stable)
            if self._evidence.decided:
                self.kind, self._evidence = self._evidence.kind(), None
