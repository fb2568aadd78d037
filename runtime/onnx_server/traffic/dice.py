"""Exact shares at random places."""

from math import gcd, inf
from typing import Protocol


class Randomness(Protocol):
    """The part of random.Random that is needed."""

    def random(self) -> float:
        """Return a number from 0 to below 1."""


class BlockDice:
    """Says yes to exactly p of every q requests, at random places, where p/q is `weight` percent, reduced.

    Exact, so that a small sample has the share that was asked for; random, so that no client that sends every n-th
    request alike always meets the same arm. `noes` come before the next yes: most requests need not know more.
    """

    def __init__(self, weight: int, randomness: Randomness) -> None:
        """Make dice for `weight`, 0 to 100."""
        self.weight = weight
        divisor = gcd(weight, 100)
        self._yes, self._size = weight // divisor, 100 // divisor
        self._randomness = randomness
        # The places of the yeses that are left in this block, the next one last; and the place after the one before.
        self._places: list[int] = []
        self._place = self._size
        self.noes: float = self._gap() if weight else inf

    def roll(self) -> bool:
        """Return whether the next request is among the share."""
        if self.noes:
            self.noes -= 1
            return False
        self.noes = self._gap()
        return True

    def skip(self, count: int) -> int:
        """Roll for the next `count` requests at once; return how many are among the share, but not which.

        Whole blocks are taken between two requests of this one, wherever it is: that costs the same for any `count`.
        """
        blocks, left = divmod(count, self._size)
        among = blocks * self._yes
        while left > self.noes:
            left -= int(self.noes) + 1
            among += 1
            self.noes = self._gap()
        self.noes -= left
        return among

    def _gap(self) -> int:
        """Go to the next yes; return how many noes are before it."""
        noes = 0
        if not self._places:
            noes = self._size - self._place
            self._places, self._place = self._drawn(), 0
        place = self._places.pop()
        noes += place - self._place
        self._place = place + 1
        return noes

    def _drawn(self) -> list[int]:
        """Return places in a block, the last one first: each set of as many is as likely as any other."""
        random, size = self._randomness.random, self._size
        if self._yes == 1:
            return [int(random() * size)]
        places: set[int] = set()
        for last in range(size - self._yes, size):  # Floyd's way: Communications of the ACM 30, 1987, page 754
            place = int(random() * (last + 1))
            places.add(last if place in places else place)
        return sorted(places, reverse=True)
