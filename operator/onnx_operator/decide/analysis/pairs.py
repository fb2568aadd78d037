"""Is one of two that are measured side by side slower than it may be? An anytime-valid test of pairs.

Given is how often the candidate took which percentage of the stable revision's time. A pair speaks by the side of the
limit on which it is, and by how far: at more than 1.2, 1.4 and 1.7 times the limit, or less than it divided by that, it
counts two-, three- and fourfold. So a pause of either server weighs little, and nothing is assumed about how durations
are distributed. Against "a pair is at most as often that much above the limit as it is that much below", as it is if
the candidate is no slower than a stable revision slowed down to the limit, stands the product of 1 + strength * grade *
side: its expectation is at most 1 for each strength, and a mixture of strengths is the e-process. It is Wilcoxon's
signed-rank test in four grades, as a test by betting (Waudby-Smith, Ramdas, Estimating means of bounded random
variables by betting, JRSS B 2024); with one grade it would be the sign test.
"""

import math
from collections.abc import Callable, Mapping

from onnx_operator.decide.analysis.sequential import log_sum, rejects

# Where a pair counts two-, three- and fourfold: at the limit times or divided by so much.
GRADES = (1.2, 1.4, 1.7)
# The mixture: strengths, each less than a quarter, and their weights.
STRENGTHS = ((0.02, 0.05), (0.06, 0.1), (0.1, 0.75), (0.2, 0.1))

Histogram = Mapping[int, int]


def against_at_most(pairs: Histogram, limit: int) -> float:
    """Return the logarithm of the e-value against "the candidate takes at most ``limit`` percent of the time"."""
    return _bet(graded(pairs, limit))


def against_at_least(pairs: Histogram, limit: int) -> float:
    """Return the logarithm of the e-value against "the candidate takes at least ``limit`` percent of the time"."""
    return _bet({-grade: count for grade, count in graded(pairs, limit).items()})


def graded(pairs: Histogram, limit: int) -> dict[int, int]:
    """Return how many pairs speak against the limit (1 to 4) and for it (-1 to -4), by how much."""
    counts: dict[int, int] = {}
    cuts = [(math.ceil(limit * far), math.ceil(limit / far)) for far in GRADES]
    for percent, count in pairs.items():
        above = percent >= limit
        grade = 1 + sum(percent >= high if above else percent < low for high, low in cuts)
        side = grade if above else -grade
        counts[side] = counts.get(side, 0) + count
    return counts


def median(pairs: Histogram) -> int:
    """Return the percentage that half of the pairs stay within; of no pairs: 100."""
    half, seen = sum(pairs.values()) / 2, 0
    for percent in sorted(pairs):
        seen += pairs[percent]
        if seen >= half:
            return percent
    return 100


def interval(pairs: Histogram, error: float) -> tuple[int, int | None]:
    """Return between which percentages the median is, either end wrong with probability ``error``; None is no end."""
    edges = sorted({edge for percent in pairs for edge in (percent, percent + 1)})
    low = _first(edges, lambda edge: not rejects(against_at_most(pairs, edge), error))
    high = _first(edges, lambda edge: rejects(against_at_least(pairs, edge), error))
    return (edges[low - 1] if low else 0), (edges[high] if high < len(edges) else None)


def _bet(sides: Mapping[int, int]) -> float:
    return log_sum(
        [
            math.log(weight) + sum(count * math.log1p(strength * side) for side, count in sides.items())
            for strength, weight in STRENGTHS
        ]
    )


def _first(edges: list[int], holds: Callable[[int], bool]) -> int:
    """Return the place of the first edge from which on something holds; the number of edges if it never does."""
    low, high = 0, len(edges)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(edges[middle]) else (middle + 1, high)
    return low
