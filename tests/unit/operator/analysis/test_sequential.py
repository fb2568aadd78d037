"""One rate: the test keeps its promise by exact calculation, and the interval is where the test refutes nothing."""

import math

import numpy as np
import pytest

from onnx_operator.decide.analysis.sequential import ODDS, against_at_most, highest, lowest, rejects

RATES = (0.001, 0.01, 0.1, 0.5, 0.9)


def test_the_weights_are_a_mixture() -> None:
    assert math.fsum(weight for _, weight in ODDS) == pytest.approx(1)


@pytest.mark.parametrize("most", RATES)
def test_its_expectation_is_at_most_one_for_every_rate_within(most: float) -> None:
    tries = 60
    for rate in (0.0, most / 2, most):
        chances = [math.comb(tries, hits) * rate**hits * (1 - rate) ** (tries - hits) for hits in range(tries + 1)]
        mean = math.fsum(c * math.exp(against_at_most(tries, hits, most)) for hits, c in enumerate(chances))
        assert mean <= 1 + 1e-9
        assert rate < most or mean == pytest.approx(1)


@pytest.mark.parametrize(("most", "error"), [(0.01, 0.0015), (0.01, 0.00025), (0.5, 0.0015), (0.5, 0.00025)])
def test_looking_after_every_try_refutes_the_truth_no_more_often_than_promised(most: float, error: float) -> None:
    # Exactly: the probability of so many hits, of those that were never beyond the bound.
    alive, crossed, bound = np.array([1.0]), 0.0, 0
    for tries in range(1, 1501):
        alive = np.append(alive * (1 - most), 0.0) + np.append(0.0, alive * most)
        while bound <= tries and not rejects(against_at_most(tries, bound, most), error):
            bound += 1
        crossed += float(alive[bound:].sum())
        alive[bound:] = 0.0
    assert 0 < crossed <= error
    assert crossed + float(alive.sum()) == pytest.approx(1)


def test_more_hits_speak_more_against_and_a_higher_limit_less() -> None:
    for tries in (1, 7, 100, 100_000):
        for most in RATES:
            found = [against_at_most(tries, hits, most) for hits in range(0, tries + 1, max(1, tries // 50))]
            assert found == sorted(found)
            assert against_at_most(tries, tries // 3, most) >= against_at_most(tries, tries // 3, min(1.0, most * 1.1))


def test_where_nothing_may_hit_one_hit_refutes() -> None:
    assert against_at_most(1000, 0, 0.0) == 0
    assert against_at_most(1000, 1, 0.0) == math.inf
    assert rejects(math.inf, 1e-12)


def test_of_no_tries_nothing_is_said() -> None:
    assert against_at_most(0, 0, 0.5) == pytest.approx(0)
    assert (lowest(0, 0, 0.01), highest(0, 0, 0.01)) == (0, 1)


@pytest.mark.parametrize(("tries", "hits"), [(10, 0), (10, 10), (100, 1), (1000, 500), (100_000, 99_900)])
def test_the_interval_is_around_the_share_and_where_nothing_is_refuted(tries: int, hits: int) -> None:
    low, high = lowest(tries, hits, 0.001), highest(tries, hits, 0.001)
    assert 0 <= low <= hits / tries <= high <= 1
    if hits:
        assert rejects(against_at_most(tries, hits, low - 1e-3), 0.001) or low < 1e-3
        assert not rejects(against_at_most(tries, hits, low + 1e-3), 0.001)


def test_the_interval_gets_narrow() -> None:
    widths = [highest(n, n // 100, 0.001) - lowest(n, n // 100, 0.001) for n in (100, 1000, 10_000, 1_000_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.002


def test_counts_that_cannot_be_are_taken_for_the_most_that_can() -> None:
    assert against_at_most(10, 12, 0.5) == against_at_most(10, 10, 0.5)
