"""Quantiles are samples that were really measured."""

from random import Random

import pytest

from benchmarks.quantiles import milliseconds, quantile, ratio_within, spread


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_the_quantile_of_a_hundred_samples(share: float, expected: int) -> None:
    assert quantile([float(value) for value in range(100, 0, -1)], share) == expected


def test_the_worst_of_few_samples_is_their_p99() -> None:
    assert milliseconds([0.001, 0.002, 0.5]) == {"count": 3, "p50": 2.0, "p99": 500.0}


def test_the_spread_of_runs() -> None:
    assert spread([3.0, 1.0, 2.04]) == {"runs": 3, "min": 1.0, "median": 2.0, "max": 3.0}


def test_a_ratio_and_what_it_is_within() -> None:
    assert ratio_within([3.0]) == pytest.approx((3.0, 3.0, 3.0))
    assert ratio_within([2.0, 0.5])[0] == pytest.approx(1.0)
    assert ratio_within([1.1] * 8 + [100.0, 0.01]) == pytest.approx((1.1, 1.1, 1.1))
    random = Random(7)
    for count in (20, 40):
        within = 0
        for _ in range(400):
            _, low, high = ratio_within([random.lognormvariate(0, 1) for _ in range(count)])
            within += low <= 1.0 <= high
        assert 0.92 * 400 <= within <= 0.98 * 400


def test_what_only_some_of_them_have_is_heard() -> None:
    random = Random(8)
    ratios = [random.lognormvariate(0, 0.3) * (1.2 if number % 3 == 0 else 1.0) for number in range(3000)]
    assert ratio_within(ratios)[0] == pytest.approx(1.2 ** (1 / 3), abs=0.02)
