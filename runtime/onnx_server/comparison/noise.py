"""How much the stable version disagrees with itself: the same request, run twice."""

from collections import deque
from math import isfinite, sqrt

import numpy as np

from onnx_server.comparison.elements import Elements, chunks, dot
from onnx_server.comparison.tolerance import OUTSIDE_SHARE, Tolerance

RECENT = 64
"""Of so many runs the largest noise counts."""

SAFETY = 3.0
"""What a run's largest noise is multiplied with. The largest of n runs is exceeded by the next with a chance of
1 / (n + 1); three times it, even of 5 runs whose noise is normal, by less than 1 of 1,000."""

MOST = 1e6
"""Noise above this is no noise: the output says nothing, and everything is equal to it."""


class Noise:
    """The noise of one output. `value` is what the tolerance is multiplied with, if above 1: 0 to `MOST`."""

    def __init__(self) -> None:
        self.value = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def note(self, tolerances: float) -> None:
        """Note how many tolerances two runs differed by."""
        self._recent.append(tolerances)
        self.value = min(MOST, SAFETY * max(self._recent))

    @property
    def times(self) -> float:
        """The value as a factor: at least 1, infinite from `MOST` on."""
        return float("inf") if self.value >= MOST else max(1.0, self.value)


def of_numbers(first: Elements, second: Elements, tolerance: Tolerance, rms: float) -> float:
    """Return the least factor of the tolerance with which two runs are equal, or a little more than that.

    That of a chunk is what all but 1 % of its elements are within, and so the largest of all chunks does for all; the
    errors' root mean square has to be within its bound, too.
    """
    if first.flat.dtype == second.flat.dtype and np.array_equal(first.flat, second.flat):
        return 0.0
    most, squares = 0.0, 0.0
    for begin, end in chunks(first.size):
        a, b = first.floats(begin, end), second.floats(begin, end)
        errors = np.abs(b - a)
        errors[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
        squares += dot(errors, errors)
        factors = np.where(errors == 0.0, 0.0, errors / tolerance.bounds(a, rms))
        factors = np.nan_to_num(factors, nan=MOST, posinf=MOST)
        place = factors.size - 1 - factors.size // OUTSIDE_SHARE
        most = max(most, float(np.partition(factors, place)[place]))
    if not squares:
        return most
    bound = tolerance.bound(rms)
    whole = sqrt(squares / first.size) / bound if bound and isfinite(squares) else MOST
    return max(most, whole)


def of_exact(outside: int, elements: int) -> float:
    """Return the same of labels or texts, of which the tolerance lets 1 % differ."""
    return OUTSIDE_SHARE * outside / elements if elements else 0.0
