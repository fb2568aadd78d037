"""Order statistics of samples and of repeated runs. Pure."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Any


def quantile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least this share of all samples does not exceed (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


Within = tuple[float, float, float]
"""A value, and between what it is with a certainty of about 95 %."""


def median_within(values: Sequence[float]) -> Within:
    """Return the median and between which values that of all there could be is, with a certainty of about 95 %.

    The bounds are order statistics, whose ranks are those of a binomial distribution (W. J. Conover: "Practical
    Nonparametric Statistics"): nothing is assumed of how values are distributed. Few values are within all of them.
    """
    ordered, count = sorted(values), len(values)
    below = max(0, math.floor((count - 1.96 * math.sqrt(count)) / 2))
    return median(ordered), ordered[below], ordered[count - 1 - below]


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
