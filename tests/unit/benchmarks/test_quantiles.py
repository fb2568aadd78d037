"""Quantiles are samples that were really measured."""

from random import Random

import pytest

from benchmarks.quantiles import median_within, milliseconds, quantile, spread


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_the_quantile_of_a_hundred_samples(share: float, expected: int) -> None:
    assert quantile([float(value) for value in range(100, 0, -1)], share) == expected


def test_the_worst_of_few_samples_is_their_p99() -> None:
    assert milliseconds([0.001, 0.002, 0.5]) == {"count": 3, "p50": 2.0, "p99": 500.0}


def test_the_spread_of_runs() -> None:
    assert spread([3.0, 1.0, 2.04]) == {"runs": 3, "min": 1.0, "median": 2.0, "max": 3.0}


def test_the_median_and_what_it_is_within() -> None:
    assert median_within([3.0]) == (3.0, 3.0, 3.0)
    assert median_within([float(value) for value in range(101)]) == (50.0, 40.0, 60.0)
    random = Random(7)
    within = 0
    for _ in range(400):
        _, low, high = median_within([random.lognormvariate(0, 1) for _ in range(40)])
        within += low <= 1.0 <= high
    assert within >= 0.92 * 400
