"""Is something more frequent than it may be? An anytime-valid test of one rate, and the interval in which the rate is.

Of ``tries``, ``hits`` hit. The test is a likelihood ratio: of a mixture of rates above ``most`` to ``most`` itself, the
method of mixtures (Robbins, Statistical methods related to the law of the iterated logarithm, 1970). A rate is told by
its odds ratio k to ``most``, which turns the ratio into k^hits / (1 + (k - 1) most)^tries: under any rate up to
``most`` its expectation is at most 1. All values are natural logarithms.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

# The mixture: odds ratios and their weights. Most weight is where a decision is due after 50 to 400 tries; small ratios
# find small excesses in many tries, large ones something that always fails in a handful.
ODDS = ((1.1, 0.05), (1.3, 0.05), (1.8, 0.1), (3.0, 0.25), (6.0, 0.35), (20.0, 0.1), (200.0, 0.1))
# To what the ends of an interval are told.
PRECISION = 1e-4


def rejects(log_e: float, error: float) -> bool:
    """Return whether an e-value, told by its logarithm, refutes what it was made against, but for ``error``."""
    return log_e >= -math.log(error)


@lru_cache(maxsize=8192)
def against_at_most(tries: int, hits: int, most: float) -> float:
    """Return the logarithm of the e-value against "the rate is at most ``most``"; infinite if a hit refutes it."""
    hits = min(hits, tries)
    if most <= 0:
        return math.inf if hits else 0.0
    return log_sum([math.log(weight) + hits * math.log(k) - tries * math.log1p((k - 1) * most) for k, weight in ODDS])


@lru_cache(maxsize=8192)
def lowest(tries: int, hits: int, error: float) -> float:
    """Return the lower end of the confidence sequence: all smaller rates are refuted; 0 if none is.

    It is wrong at any time with probability ``error`` at most (Howard, Ramdas, McAuliffe, Sekhon, Time-uniform,
    nonparametric, nonasymptotic confidence sequences, Annals of Statistics 2021).
    """
    if not hits or not tries:
        return 0.0
    return last_where(lambda rate: rejects(against_at_most(tries, hits, rate), error), 0.0, hits / tries, PRECISION)


def highest(tries: int, hits: int, error: float) -> float:
    """Return the upper end of the confidence sequence: all larger rates are refuted; 1 if none is."""
    return 1.0 - lowest(tries, tries - min(hits, tries), error)


def last_where(holds: Callable[[float], bool], low: float, high: float, precision: float) -> float:
    """Return up to where something holds that holds at ``low``, or nowhere, and not at ``high``, to ``precision``."""
    while high - low > precision:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def log_sum(terms: Sequence[float]) -> float:
    """Return the logarithm of the sum of numbers that are told by their logarithms."""
    top = max(terms)
    return top if math.isinf(top) else top + math.log(sum([math.exp(term - top) for term in terms]))
