"""How far apart the stable version's outputs for different requests are: what a difference is to be compared with."""

from collections import deque
from math import sqrt

import numpy as np

from onnx_server.comparison.elements import Elements, Floats, dot

ELEMENTS = 16_384
"""Of a larger output so many elements stand for all, where a row is compared as a whole."""

LEARNING = 20
"""Rows that are learned from before one is judged."""

FEW = 5
"""Of less different rows the spread is a guess: what is near is near, but what is not may be so by chance."""

SAME = 1e-5
"""Of its root mean square: what is no further away is the same row, as kernels and batches round it."""

_ROWS = 4
_DISTANCES = 512

QUANTILE = 0.3
"""Of unrelated outputs so many are as near to each other as an output that agrees: a candidate whose answers have
nothing to do with the requests agrees in 30 %."""

MOST_OF_SPREAD = 0.75
"""An output that agrees is never further away than this part of the spread. Outputs with many elements are all about
as far from each other, and nearer to their mean: without this, always answering the mean would agree."""

LEAST_OF_SPREAD = 0.5
"""Within this part of the spread an output always agrees. Where most outputs are about the same, as scores of a rare
event are, unrelated ones are nearer to each other than a retrained model can be."""


class Unrelated:
    """Distances between rows of different requests; the last 512 of them, each row with the 4 before it.

    A row that is the same as one of these 4 teaches nothing: a prober's only request says nothing of the spread, and
    beside others it must not make it small. A row is a vector of any length: of two lengths, the beginnings are
    compared.
    """

    def __init__(self, exact: bool) -> None:
        self.seen = self.different = 0
        self._exact = exact
        self._rows: deque[Floats] = deque(maxlen=_ROWS)
        self._distances: deque[float] = deque(maxlen=_DISTANCES)
        self._near: float | None = 0.0

    @property
    def learned(self) -> bool:
        """Whether rows enough were seen."""
        return self.seen >= LEARNING

    @property
    def few(self) -> bool:
        """Whether there were too few different rows to call one that is not near apart."""
        return self.different < FEW

    def learn(self, row: Floats) -> bool:
        """Note the stable version's row of one more request; return whether it is another than those before."""
        self.seen += 1
        apart = [self._apart(row, other) for other in self._rows]
        same = 0.0 if self._exact else SAME * distance(np.zeros_like(row), row)
        if any(each <= same for each in apart):
            return False
        self.different += 1
        if known := [each for each in apart if np.isfinite(each)]:
            self._distances.extend(known)
            self._near = None
        self._rows.append(row)
        return True

    def _apart(self, row: Floats, other: Floats) -> float:
        size = min(row.size, other.size)
        return share(row[:size], other[:size]) if self._exact else distance(row[:size], other[:size])

    @property
    def near(self) -> float:
        """Up to which distance rows agree.

        Of labels and texts the distance is the share that differs: half of what differs between unrelated rows, as
        Cohen's kappa of 0.5 says it (Educational and Psychological Measurement 20, 1960, eq. 1). The spread of
        numbers, the root of their mean squared distance from the mean, is that of their mean squared distance from
        each other divided by sqrt(2).
        """
        if self._near is None:
            distances = np.fromiter(self._distances, np.float64, len(self._distances))
            self._near = float(distances.mean()) / 2 if self._exact else _near(distances)
        return self._near


def _near(distances: Floats) -> float:
    spread = sqrt(dot(distances, distances) / distances.size / 2)
    place = int(QUANTILE * distances.size)
    return min(max(float(np.partition(distances, place)[place]), LEAST_OF_SPREAD * spread), MOST_OF_SPREAD * spread)


def distance(one: Floats, other: Floats) -> float:
    """Return the root of the mean squared difference; elements that are not finite in `one` do not count."""
    apart = other - one
    known = np.isfinite(one)
    if not known.all():
        apart = apart[known]
    return sqrt(dot(apart, apart) / apart.size) if apart.size else 0.0


def share(one: Floats, other: Floats) -> float:
    """Return the share of elements that differ."""
    return float(np.count_nonzero(one != other)) / one.size if one.size else 0.0


def vector(row: Elements, most: int = ELEMENTS) -> Floats:
    """Return at most so many elements of a row as they are compared: of integers and hashes the elements themselves."""
    part = row.some(most)
    return part.numbers().copy() if part.integral else part.floats()
