"""Order statistics of samples and of repeated runs. Pure."""

import math
from collections.abc import Sequence
from statistics import fmean, median, stdev
from typing import Any


def quantile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least this share of all samples does not exceed (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


Within = tuple[float, float, float]
"""A value, and between what it is with a certainty of about 95 %."""


TRIMMED = 0.2
"""Of ratios the least and the greatest ones that count for nothing, as a share of all, each."""


def ratio_within(ratios: Sequence[float]) -> Within:
    """Return the geometric mean of what is left of ratios, and between what it is with a certainty of about 95 %.

    The standard error of a trimmed mean is that of the values with the outer ones moved to the edge (J. W. Tukey, D. H.
    McLaughlin: "Less vulnerable confidence and significance procedures for location based on a single sample", 1963).
    One ratio is within itself.
    """
    logs = sorted(map(math.log, ratios))
    outer = int(TRIMMED * len(logs))
    left = logs[outer : len(logs) - outer]
    mean = fmean(left)
    if len(left) < 2:
        return math.exp(mean), math.exp(mean), math.exp(mean)
    moved = [left[0]] * outer + left + [left[-1]] * outer
    share = len(left) / len(logs)
    error = _student(len(left) - 1) * stdev(moved) / (share * math.sqrt(len(logs)))
    return math.exp(mean), math.exp(mean - error), math.exp(mean + error)


def _student(freedom: int) -> float:
    """Return Student's t for 95 %, by its expansion about the normal distribution's (Abramowitz, Stegun: 26.7.5)."""
    z = 1.96
    terms = (z, (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384)
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def product_within(factors: Sequence[Within]) -> Within:
    """Return the product of factors that do not depend on each other: errors of their logarithms add up in squares.

    All of them are more than 0 (ISO/IEC Guide 98-3, 5.1.2).
    """
    middle = math.prod(mid for mid, _, _ in factors)
    down = math.hypot(*(math.log(mid / low) for mid, low, _ in factors))
    up = math.hypot(*(math.log(high / mid) for mid, _, high in factors))
    return middle, middle / math.exp(down), middle * math.exp(up)


def milliseconds(samples: Sequence[float]) -> dict[str, Any]:
    """Return count, p50 and p99 of samples given in seconds, in milliseconds."""
    return {
        "count": len(samples),
        "p50": round(quantile(samples, 0.5) * 1000, 1),
        "p99": round(quantile(samples, 0.99) * 1000, 1),
    }


def spread(values: Sequence[float], digits: int = 1) -> dict[str, Any]:
    """Return least, middle and greatest value of repeated runs."""
    return {
        "runs": len(values),
        "min": round(min(values), digits),
        "median": round(median(values), digits),
        "max": round(max(values), digits),
    }
