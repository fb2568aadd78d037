"""Who goes to the candidate: exact shares, and users who stay where they are."""

import random

from hypothesis import given
from hypothesis import strategies as st

from onnx_server.traffic import sticky
from onnx_server.traffic.dice import BlockDice

weights = st.integers(0, 100)
seeds = st.integers(0, 2**32)


@given(weight=weights, seed=seeds, start=st.integers(0, 300))
def test_the_share_is_exact(weight: int, seed: int, start: int) -> None:
    dice = BlockDice(weight, random.Random(seed))
    for _ in range(start):
        dice.roll()
    yes = sum(dice.roll() for _ in range(1000))
    assert abs(yes - 10 * weight) <= 2 * 25  # from the middle of a block to the middle of another
    dice = BlockDice(weight, random.Random(seed))
    assert sum(dice.roll() for _ in range(1000)) == 10 * weight


@given(weight=weights, seed=seeds, counts=st.lists(st.integers(0, 450), max_size=8))
def test_the_share_is_exact_whether_rolled_one_by_one_or_at_once(weight: int, seed: int, counts: list[int]) -> None:
    dice, yes = BlockDice(weight, random.Random(seed)), 0
    for turn, count in enumerate(counts):
        yes += dice.skip(count) if turn % 2 else sum(dice.roll() for _ in range(count))
    left = -sum(counts) % 100
    yes += sum(dice.roll() for _ in range(left))
    assert yes * 100 == weight * (sum(counts) + left)


@given(seed=seeds, start=st.integers(0, 300))
def test_a_thousand_at_five_percent_are_fifty(seed: int, start: int) -> None:
    dice = BlockDice(5, random.Random(seed))
    for _ in range(start):
        dice.roll()
    assert abs(sum(dice.roll() for _ in range(1000)) - 50) <= 2


@given(weight=st.integers(1, 99), seed=seeds)
def test_the_places_are_not_those_of_a_periodic_client(weight: int, seed: int) -> None:
    dice = BlockDice(weight, random.Random(seed))
    size = 20
    by_place = [0] * size
    for turn in range(20_000):
        by_place[turn % size] += dice.roll()
    expected = 20_000 / size * weight / 100
    assert all(abs(count - expected) < 6 * (expected**0.5) + 1 for count in by_place)


@given(revision=st.text(min_size=1), value=st.binary(), lower=weights, higher=weights)
def test_a_growing_weight_takes_nobody_back(revision: str, value: bytes, lower: int, higher: int) -> None:
    lower, higher = sorted((lower, higher))
    assert sticky.to_candidate(revision, value, lower) <= sticky.to_candidate(revision, value, higher)
    assert not sticky.to_candidate(revision, value, 0)
    assert sticky.to_candidate(revision, value, 100)


def test_users_are_spread_as_the_weight_says() -> None:
    users = [f"user-{i}".encode() for i in range(10_000)]
    for weight in (5, 25, 50):
        share = sum(sticky.to_candidate("digits-b", user, weight) for user in users) / len(users)
        assert abs(share - weight / 100) < 0.02


def test_each_rollout_begins_with_other_users() -> None:
    users = [f"user-{i}".encode() for i in range(1000)]
    first = {user for user in users if sticky.to_candidate("digits-b", user, 10)}
    second = {user for user in users if sticky.to_candidate("digits-c", user, 10)}
    assert len(first & second) < 40
    assert sticky.place("digits-b", b"user-1") == 3260  # another pod, another day: the same
