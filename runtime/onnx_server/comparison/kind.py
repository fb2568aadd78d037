"""Whether an output is scores of classes, whose highest counts, or values: told by the stable version's own outputs."""

from collections.abc import Sequence
from math import sqrt
from typing import Literal

import numpy as np

from onnx_server.comparison.elements import Floats, dot
from onnx_server.comparison.unrelated import LEARNING

Kind = Literal["scores", "values", "exact"]

CLASSES = range(2, 65_537)
"""How many columns scores may have."""

_SUM = 0.02
_NORM = 0.01
_SURE = 0.6


def may_be_scores(shape: Sequence[int]) -> bool:
    """Whether an output of this shape has a row for each example, and in it a column for each class or one number."""
    return shape[1] == 1 or shape[1] in CLASSES if len(shape) == 2 else tuple(shape) == (-1,)


class Evidence:
    """What the first 20 rows of an output of such a shape say of it. The answer is given once, and stays.

    Of less different ones than that it is given as soon as these leave no doubt: if only two classes, or another
    highest column, are missing for scores, more rows are waited for.

    Scores are: rows that are probabilities (0 to 1, and their sum is 1, by 2 % in low precision), or logarithms of
    such; single probabilities of which some are below and some above one half, so that there are two classes; and
    logits. Rows are taken for logits if the highest column is not always the same, the softmax's highest
    probability is 0.6 or more in most rows, and rows are about centred, the mean of most no further from 0 than
    their standard deviation: the gradient of the cross entropy to the logits has the sum 0, so training leaves their
    mean where it began. Embeddings have neither sure highest columns nor, of unit length, any; boxes and several
    targets of a regression are not centred. All others are values.
    """

    def __init__(self) -> None:
        self._probabilities = self._logarithms = self._unit = self._singles = self._rows = 0
        self._highest: set[int] = set()
        self._sure: list[float] = []
        self._centred: list[bool] = []

    def learn(self, row: Floats) -> None:
        """Note a row of the stable version that is another than those before."""
        self._rows += 1
        row = row[np.isfinite(row)]
        if row.size == 1:
            self._probabilities += bool(0 <= row[0] <= 1)
            self._highest.add(int(row[0] > 0.5))
            self._singles += 1
        if row.size < CLASSES.start:
            return
        self._probabilities += bool(row.min() >= -_SUM and abs(row.sum() - 1) <= _SUM)
        self._logarithms += bool(row.max() <= _SUM and abs(np.exp(row).sum() - 1) <= _SUM)
        self._unit += bool(abs(sqrt(dot(row, row)) - 1) <= _NORM)
        self._highest.add(int(row.argmax()))
        self._sure.append(float(1 / np.exp(row - row.max()).sum()))
        self._centred.append(bool(abs(row.mean()) <= row.std()))

    def decided(self, seen: int) -> bool:
        """Whether so many rows, of which some may have been the same, say enough."""
        one_side = self._look_like_scores and not self._sums and len(self._highest) < 2
        return seen >= LEARNING and (self._rows >= LEARNING or not one_side)

    def kind(self) -> Kind:
        """Return what they say."""
        scores = self._sums or (self._look_like_scores and len(self._highest) > 1)
        return "scores" if scores else "values"

    @property
    def _sums(self) -> bool:
        return not self._singles and self._rows in {self._probabilities, self._logarithms}

    @property
    def _look_like_scores(self) -> bool:
        if self._singles:
            return self._rows == self._probabilities
        sure = bool(self._sure) and float(np.median(self._sure)) >= _SURE
        return self._unit < self._rows and sure and 2 * sum(self._centred) >= self._rows
