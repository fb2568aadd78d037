"""How two outputs of the same size differ, element by element, in chunks."""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from onnx_server.comparison.elements import Elements, Floats, chunks, dot
from onnx_server.comparison.tolerance import Tolerance

_MOST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Difference:
    """Of `elements`, how many are outside the tolerance; the largest and the mean absolute error of the finite ones.

    `cosine` is that of the angle between the outputs as vectors; None where it has none, as for labels. `broken` says
    that the second has NaN or infinities where the first has none; `equal` that no more is outside than may be.
    """

    elements: int
    outside: int
    largest: float
    mean: float
    cosine: float | None
    broken: bool
    equal: bool


def of_numbers(stable: Elements, candidate: Elements, tolerance: Tolerance) -> Difference:
    """Compare numbers, as float64. NaN is equal to NaN, and an infinity to itself."""
    rms = root_mean_square(stable)
    outside, largest, total, squares, broken = 0, 0.0, 0.0, 0.0, False
    products = np.zeros(3)
    for first, last in chunks(stable.size):
        a, b = stable.floats(first, last), candidate.floats(first, last)
        errors = np.abs(b - a)
        sum_of_errors = float(errors.sum())
        if not isfinite(sum_of_errors):
            a, b, errors, unlike, newly = _finite(a, b, errors)
            outside += unlike
            broken = broken or newly
            sum_of_errors = float(errors.sum())
        outside += int(np.count_nonzero(errors > tolerance.bounds(a, rms)))
        largest = max(largest, float(errors.max(initial=0.0)))
        total += sum_of_errors
        squares += dot(errors, errors)
        products += (dot(a, b), dot(a, a), dot(b, b))
    size = stable.size
    error = sqrt(squares / size) if size else 0.0
    equal = not isfinite(tolerance.times) or tolerance.equal(outside, size, error, rms)
    return Difference(
        size, outside, largest, min(total, _MOST) / size if size else 0.0, _cosine(*products), broken, equal
    )


def of_exact(stable: Elements, candidate: Elements, tolerance: Tolerance) -> Difference:
    """Compare labels or texts: the error of an element is 1 if it is another, else 0."""
    outside, broken = 0, False
    for first, last in chunks(stable.size):
        outside += int(np.count_nonzero(stable.numbers(first, last) != candidate.numbers(first, last)))
        broken = broken or (not candidate.integral and not bool(np.isfinite(candidate.floats(first, last)).all()))
    size = stable.size
    equal = outside <= tolerance.exact_allowed(size)
    return Difference(size, outside, float(outside > 0), outside / size if size else 0.0, None, broken, equal)


def root_mean_square(elements: Elements) -> float:
    """Return the root of the mean of the finite elements' squares; 0 of none."""
    total, count, largest = 0.0, 0, 0.0
    for first, last in chunks(elements.size):
        part = elements.floats(first, last)
        squares = dot(part, part)
        if not isfinite(squares):
            part = part[np.isfinite(part)]
            largest = max(largest, float(np.abs(part).max(initial=0.0)))
            squares = dot(part, part)
        total += squares
        count += part.size
    if not count:
        return 0.0
    # Where squares are beyond float64, the largest element is as good a measure of their size.
    return sqrt(total / count) if isfinite(total) else largest


def _finite(a: Floats, b: Floats, errors: Floats) -> tuple[Floats, Floats, Floats, int, bool]:
    """Return the pairs of finite elements, how many of the others are not equal, and whether the second is broken."""
    here, there = np.isfinite(a), np.isfinite(b)
    both = here & there
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    # The error of two finite numbers may be beyond float64.
    errors = np.minimum(errors[both], _MOST)
    return a[both], b[both], errors, int(np.count_nonzero(~both & ~same)), bool((here & ~there).any())


def _cosine(product: float, stable: float, candidate: float) -> float | None:
    if stable == 0.0 and candidate == 0.0:
        return 1.0
    size = sqrt(stable) * sqrt(candidate)
    if not size:
        return 0.0
    cosine = product / size
    return max(-1.0, min(1.0, float(cosine))) if isfinite(cosine) else None
