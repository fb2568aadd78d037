"""Is something more frequent in one arm than in the other, by more than it may be? An anytime-valid test of two rates.

That the second arm's rate is unknown makes it a composite hypothesis: (s, c) with c <= s + more. For each s there is an
e-process against it, and the smallest of these refutes all of them at once (universal inference: Wasserman, Ramdas,
Balakrishnan, PNAS 2020; on e-processes of two Bernoulli rates: Turner, Ly, Grünwald, Journal of Statistical Planning
and Inference 2024). Each is a mixture, and its logarithm is convex in s, so that the smallest is found surely:

- of rates that are told in relation to (s, s + more), by their odds ratios, so that nothing depends on a scale: the
  first arm's above s + more as in ``sequential``, the second arm's at or below s;
- of the two rates that a decision is due for, which has more power while there are few tries. To these the likeliest
  rate of the first arm up to s + more is the rival.

The probabilities hold whatever the arms' shares, also where these change from look to look.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from onnx_operator.decide.analysis.sequential import ODDS, last_where, log_sum

# The first arm's odds in relation to s + more, the second arm's in relation to s, and their weights.
ABOVE = ((1.0, 0.1), *((k, 0.9 * weight) for k, weight in ODDS))
BELOW = ((1.0, 0.5), (0.7, 0.2), (0.4, 0.1), (0.1, 0.1), (0.0, 0.1))
# The weight of the two rates that a decision is due for.
EXPECTED = 0.75
# These two, in relation to the tolerance, or to one point where that is less: the second arm's rate is a tenth of it,
# the first arm's odds are so many times those that are tolerated.
LEAST_UNIT = 0.01
USUAL = 0.1
EXCESS = 3.5
# Steps of the golden section: they tell s to 5e-8.
STEPS = 35
GOLDEN = (math.sqrt(5) - 1) / 2
# To what the ends of an interval are told: half of what is shown.
PRECISION = 5e-4


# The mixtures as they are used: the logarithms of weight and odds ratio, and the ratio less 1.
_ABOVE, _BELOW = (
    tuple((math.log(weight), math.log(k) if k else -math.inf, k - 1) for k, weight in mixture)
    for mixture in (ABOVE, BELOW)
)


class Arm(NamedTuple):
    """How often something was tried, and how often it hit."""

    tries: int
    hits: int

    @property
    def rate(self) -> float:
        """The share of hits; 0 without a try."""
        return self.hits / self.tries if self.tries else 0.0


class Expected(NamedTuple):
    """The two rates that a decision is due for: the second arm's and the first's."""

    other: float
    rate: float


def due(tolerance: float) -> Expected:
    """Return the two rates that a decision is due for, of what the first arm may be above the second, from 0 to 1."""
    unit = min(max(tolerance, LEAST_UNIT), 0.9)
    tolerated = USUAL * unit + unit
    odds = EXCESS * tolerated / (1 - tolerated)
    return Expected(USUAL * unit, odds / (1 + odds))


@lru_cache(maxsize=8192)
def refutes_at_most_more(arm: Arm, other: Arm, more: float, error: float, expected: Expected | None = None) -> bool:
    """Return whether it is refuted, at the risk ``error``, that the arm's rate is at most so much above the other's."""
    if arm.rate - other.rate <= more:
        return False
    needed = -math.log(error)
    return against_at_most_more(arm, other, more, expected, needed) >= needed


def against_at_most_more(
    arm: Arm, other: Arm, more: float, expected: Expected | None = None, enough: float = -math.inf
) -> float:
    """Return the logarithm of the e-value against that, or, if it is below ``enough``, something else below it."""
    if more >= 1 or not arm.tries:
        return 0.0

    def at(rate: float) -> float:
        return _against(arm, other, rate, min(1.0, max(0.0, rate + more)), expected)

    return _least(at, max(0.0, -more), 1.0 - 1e-9, enough)


@lru_cache(maxsize=8192)
def least_more(arm: Arm, other: Arm, error: float, expected: Expected | None = None) -> float:
    """Return how much the arm's rate is above the other's at the least, at the risk ``error``; -1 if unknown."""
    if not arm.tries or not other.tries:
        return -1.0
    return last_where(
        lambda more: refutes_at_most_more(arm, other, more, error, expected), -1.0, arm.rate - other.rate, PRECISION
    )


def most_more(arm: Arm, other: Arm, error: float) -> float:
    """Return how much the arm's rate is above the other's at the most, at the risk ``error``; 1 if unknown."""
    return -least_more(other, arm, error)


def _against(arm: Arm, other: Arm, s: float, c: float, expected: Expected | None) -> float:
    """Return the logarithm of the mixture's likelihood in relation to that of the rates (s, c)."""
    related = _mixed(arm, c, _ABOVE) + _mixed(other, s, _BELOW)
    if expected is None:
        return related
    first = _likelihood(arm, expected.rate) - _likelihood(arm, min(c, arm.rate))
    second = _likelihood(other, expected.other) - _likelihood(other, s)
    return log_sum([math.log(1 - EXPECTED) + related, math.log(EXPECTED) + first + second])


def _mixed(arm: Arm, rate: float, mixture: Sequence[tuple[float, float, float]]) -> float:
    """Return the logarithm of a mixture's likelihood in relation to that of a rate."""
    tries, hits = arm
    return log_sum(
        [
            weight + hits * odds - tries * math.log1p(more * rate) if hits else weight - tries * math.log1p(more * rate)
            for weight, odds, more in mixture
        ]
    )


def _likelihood(arm: Arm, rate: float) -> float:
    """Return the logarithm of the likelihood of a rate."""
    missed = arm.tries - arm.hits
    hits = arm.hits * math.log(rate) if arm.hits and rate > 0 else -math.inf if arm.hits else 0.0
    return hits + (missed * math.log1p(-rate) if missed and rate < 1 else -math.inf if missed else 0.0)


def _least(value: Callable[[float], float], low: float, high: float, enough: float) -> float:
    """Return the least value of a convex function (golden section), or the first that is found below ``enough``."""
    least = min(value(low), value(high))
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    for _ in range(STEPS):
        least = min(least, at_left, at_right)
        if least < enough:
            break
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = value(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = value(right)
    return min(least, at_left, at_right)
