"""Pairs of durations: what counts how much, that the test keeps its promise, and the median's interval."""

import math
from itertools import product

import numpy as np
import pytest

from benchmarks.analysis.vectorised import SIDES, pairs_against
from onnx_operator.decide.analysis.pairs import (
    STRENGTHS,
    against_at_least,
    against_at_most,
    graded,
    interval,
    median,
)


def test_the_weights_are_a_mixture_and_no_strength_can_lose_more_than_all() -> None:
    assert math.fsum(weight for _, weight in STRENGTHS) == pytest.approx(1)
    assert all(4 * strength < 1 for strength, _ in STRENGTHS)


@pytest.mark.parametrize(
    ("percent", "side"),
    [
        *((0, -4), (70, -4), (71, -3), (85, -3), (86, -2), (99, -2), (100, -1), (119, -1)),
        *((120, 1), (143, 1), (144, 2), (167, 2), (168, 3), (203, 3), (204, 4), (1000, 4)),
    ],
)
def test_a_pair_counts_by_how_far_it_is_from_the_limit(percent: int, side: int) -> None:
    assert graded({percent: 7}, 120) == {side: 7}


def test_its_expectation_is_one_where_both_sides_are_as_likely_and_less_below() -> None:
    percents = {-4: 50, -3: 80, -2: 90, -1: 110, 1: 130, 2: 150, 3: 180, 4: 300}
    for above in (0.5, 0.3):
        chances = {
            side: (above if side > 0 else 1 - above) * (0.5, 0.25, 0.15, 0.1)[abs(side) - 1] for side in percents
        }
        mean = 0.0
        for sides in product(percents, repeat=3):
            counts: dict[int, int] = {}
            for side in sides:
                counts[percents[side]] = counts.get(percents[side], 0) + 1
            mean += math.prod(chances[side] for side in sides) * math.exp(against_at_most(counts, 120))
        assert mean == pytest.approx(1) if above == 0.5 else mean < 1


def test_looking_after_every_pair_refutes_the_truth_no_more_often_than_promised() -> None:
    # The candidate is slower by exactly what is tolerated; both servers make pauses.
    draw, rollouts, error = np.random.default_rng(7), 4000, 0.02
    place = np.array([SIDES.tolist().index(next(iter(graded({percent: 1}, 120)))) for percent in range(1001)])
    sides, crossed = np.zeros((rollouts, len(SIDES)), dtype=np.int64), np.zeros(rollouts, dtype=np.bool_)
    for _ in range(400):
        took = np.exp(draw.normal(0, 0.3, (2, rollouts))) * np.where(draw.random((2, rollouts)) < 0.05, 5, 1)
        percents = np.minimum(1000, 120 * took[0] / took[1]).astype(int)
        sides[np.arange(rollouts), place[percents]] += 1
        crossed |= pairs_against(sides) >= -math.log(error)
    assert 0 < crossed.mean() <= error + 3 * math.sqrt(error / rollouts)


def test_a_higher_limit_is_refuted_less() -> None:
    pairs = {80: 10, 100: 40, 120: 30, 150: 10, 400: 5}
    found = [against_at_most(pairs, limit) for limit in range(60, 500)]
    assert found == sorted(found, reverse=True)
    assert against_at_least(pairs, 200) > against_at_least(pairs, 100)


def test_the_median_and_its_interval() -> None:
    assert median({}) == 100
    assert median({90: 1, 110: 1}) == 90
    pairs = dict.fromkeys(range(90, 131), 20)
    low, high = interval(pairs, 0.001)
    assert high is not None
    assert 100 < low <= median(pairs) < high < 120
    assert interval({}, 0.001) == (0, None)
    assert interval({100: 3}, 0.001) == (0, None)
    assert interval({1000: 500}, 0.001) == (1000, 1001)


def test_pauses_of_one_server_alone_refute_nothing() -> None:
    # A fifth of the candidate's batches meet a pause, the rest are as fast as the stable revision's.
    assert against_at_most({100: 800, 1000: 200}, 120) < 0
