"""Exact shares at random places."""

from math import gcd
from typing import Protocol


class Shuffler(Protocol):
    """The part of random.Random that is needed."""

    def shuffle(self, x: list[bool]) -> None:
        """Shuffle the list in place."""


class BlockDice:
    """Says yes to exactly p of every q requests, at random places, where p/q is `weight` percent, reduced.

    Exact, so that a small sample has the share that was asked for; random, so that no client that sends every n-th
    request alike always meets the same arm.
    """

    def __init__(self, weight: int, randomness: Shuffler) -> None:
        """Make dice for `weight`, 0 to 100."""
        self.weight = weight
        divisor = gcd(weight, 100)
        self._yes, self._size = weight // divisor, 100 // divisor
        self._randomness = randomness
        self._block: list[bool] = []

    def roll(self) -> bool:
        """Return whether the next request is among the share."""
        if not self._block:
            self._block = [True] * self._yes + [False] * (self._size - self._yes)
            self._randomness.shuffle(self._block)
        return self._block.pop()
