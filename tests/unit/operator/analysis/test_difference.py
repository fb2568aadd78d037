"""Two rates: the least e-value is found, keeps its promise, and gives the interval of their difference."""

import math
from itertools import pairwise

import numpy as np
import pytest

from onnx_operator.decide.analysis.difference import (
    ABOVE,
    BELOW,
    Arm,
    _against,
    against_at_most_more,
    due,
    least_more,
    most_more,
    refutes_at_most_more,
)

CASES = [
    (Arm(400, 20), Arm(400, 1), 0.01),
    (Arm(400, 14), Arm(7600, 8), 0.01),
    (Arm(100, 0), Arm(100, 0), 0.01),
    (Arm(3, 3), Arm(60, 0), 0.01),
    (Arm(5000, 1200), Arm(95_000, 19_000), 0.01),
    (Arm(50, 30), Arm(9, 2), 0.2),
    (Arm(1_000_000, 11_500), Arm(1_000_000, 1000), 0.01),
    (Arm(40, 3), Arm(40, 5), -0.3),
    (Arm(200, 5), Arm(100, 0), 0.0),
]


def test_the_weights_are_mixtures() -> None:
    assert math.fsum(weight for _, weight in ABOVE) == pytest.approx(1)
    assert math.fsum(weight for _, weight in BELOW) == pytest.approx(1)


@pytest.mark.parametrize(("arm", "other", "more"), CASES)
def test_it_is_the_least_over_all_rates_of_the_other_arm(arm: Arm, other: Arm, more: float) -> None:
    for expected in (None, due(abs(more))):
        found = against_at_most_more(arm, other, more, expected)
        rates = {
            *np.linspace(max(0.0, -more), 0.999, 4000),
            *(r for r in np.geomspace(1e-6, 0.999, 4000) if r >= -more),
        }
        values = [_against(arm, other, s, min(1.0, max(0.0, s + more)), expected) for s in sorted(rates)]
        assert found <= min(values) + 1e-6
        assert found >= min(values) - 0.1  # the grid's own width
        # Convex: up to the least it falls, from there on it rises.
        place = values.index(min(values))
        assert values[: place + 1] == sorted(values[: place + 1], reverse=True)
        assert values[place:] == sorted(values[place:])


@pytest.mark.parametrize("more", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("s", [0.0, 0.001, 0.05, 0.3])
def test_its_expectation_is_at_most_one_within_the_tolerance(more: float, s: float) -> None:
    tries, others = 14, 10
    found = np.array(
        [
            [math.exp(against_at_most_more(Arm(tries, x), Arm(others, a), more, due(more))) for a in range(others + 1)]
            for x in range(tries + 1)
        ]
    )
    for c in (0.0, (s + more) / 2, s + more):
        assert _binomial(tries, c) @ found @ _binomial(others, s) <= 1 + 1e-6


def _binomial(tries: int, rate: float) -> np.ndarray:
    return np.array([math.comb(tries, k) * rate**k * (1 - rate) ** (tries - k) for k in range(tries + 1)])


def test_a_larger_tolerance_is_refuted_less() -> None:
    for arm, other, _ in CASES:
        found = [against_at_most_more(arm, other, more, due(0.01)) for more in np.linspace(-0.9, 0.9, 61)]
        assert all(earlier >= later - 1e-6 for earlier, later in pairwise(found))


def test_nothing_is_refuted_without_the_other_arm_or_by_a_difference_within() -> None:
    assert not refutes_at_most_more(Arm(1000, 1000), Arm(0, 0), 0.01, 0.5, due(0.01))
    assert not refutes_at_most_more(Arm(0, 0), Arm(1000, 0), 0.01, 0.5, due(0.01))
    assert not refutes_at_most_more(Arm(10_000, 5000), Arm(10_000, 4999), 0.01, 0.99, due(0.01))
    assert not refutes_at_most_more(Arm(10_000, 10_000), Arm(10_000, 0), 1.0, 0.5, due(1.0))


@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.05, 0.5, 1.0])
def test_the_rates_that_are_due_are_rates_beyond_the_tolerance_as_far_as_can_be(tolerance: float) -> None:
    other, rate = due(tolerance)
    assert 0 < other < rate < 1
    assert rate - other > min(tolerance, 0.8)


def test_the_interval_holds_the_difference_that_was_seen_and_gets_narrow() -> None:
    for arm, other, _ in CASES:
        low, high = least_more(arm, other, 0.006, due(0.01)), most_more(arm, other, 0.006)
        assert -1 <= low <= arm.rate - other.rate <= high <= 1
    assert (least_more(Arm(0, 0), Arm(10, 1), 0.01), most_more(Arm(0, 0), Arm(10, 1), 0.01)) == (-1, 1)
    large = Arm(1_000_000, 11_500), Arm(1_000_000, 1000)
    assert most_more(*large, 0.006) - least_more(*large, 0.006, due(0.01)) < 0.005


def test_it_refutes_exactly_what_is_below_its_interval() -> None:
    arm, other = Arm(400, 30), Arm(400, 2)
    low = least_more(arm, other, 0.006, due(0.01))
    assert refutes_at_most_more(arm, other, low - 0.001, 0.006, due(0.01))
    assert not refutes_at_most_more(arm, other, low + 0.001, 0.006, due(0.01))
