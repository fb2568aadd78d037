"""What no test can find more often, however it is made: even one that looks only once."""

import math

import numpy as np

from benchmarks.analysis.vectorised import Floats

_TOLERATED = tuple(number / 2000 for number in range(1, 41))
"""Rates of the stable revision at which a tolerated candidate is tried."""


def errors_found_at_most(stable: float, candidate: float, requests: int, more: float, error: float) -> float:
    """Return how often a test can find such rates after so many requests of each at the most.

    ``error`` is how often it may be wrong about a candidate that fails ``more`` more often than the stable revision.
    By Neyman and Pearson nothing tells two given pairs of rates better than their likelihood ratio (On the problem of
    the most efficient tests of statistical hypotheses, 1933); the tolerated pair that is hardest to tell is the bound.
    """
    wrong = _outcomes(stable, candidate, requests)
    return min(_power(wrong, _outcomes(rate, rate + more, requests), error) for rate in _TOLERATED)


def _power(wrong: Floats, tolerated: Floats, error: float) -> float:
    """Return how likely the outcomes are that speak most against ``tolerated``, as many as ``error`` allows."""
    order = np.argsort(tolerated / np.maximum(wrong, 1e-300), kind="stable")
    wrongly = np.cumsum(tolerated[order])
    within = int(np.searchsorted(wrongly, error, side="right"))
    before = float(wrongly[within - 1]) if within else 0.0
    last = order[within]
    part = (error - before) / float(tolerated[last])  # drawn by lot
    return float(wrong[order[:within]].sum() + part * wrong[last])


def _outcomes(stable: float, candidate: float, requests: int) -> Floats:
    """Return how likely each pair of numbers of failures is, the candidate's first."""
    return np.outer(_binomial(candidate, requests), _binomial(stable, requests)).ravel()


def _binomial(rate: float, tries: int) -> Floats:
    ways = [math.lgamma(tries + 1) - math.lgamma(hits + 1) - math.lgamma(tries - hits + 1) for hits in range(tries + 1)]
    hits = np.arange(tries + 1)
    chances: Floats = np.exp(np.array(ways) + hits * math.log(rate) + (tries - hits) * math.log1p(-rate))
    return chances
