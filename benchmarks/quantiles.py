"""Order statistics of samples and of repeated runs. Pure."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Any


def quantile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least this share of all samples does not exceed (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


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
