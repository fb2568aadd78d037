"""Draws digits as text: shades two columns wide, so that pixels are square."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .digits import Images

SHADES: Final = " ░▒▓█"
SIDE: Final = 8
BRIGHTEST: Final = 16.0
GAP: Final = "  "


@dataclass(frozen=True)
class Drawn:
    """One digit to draw: float32 [64], what the model says, and what is true."""

    image: Images
    predicted: int
    truth: int


def rows(image: Images) -> list[str]:
    """Return an 8x8 image, float32 [64] with values 0 to 16, as 8 lines of 16 characters."""
    if image.shape != (SIDE * SIDE,):
        raise ValueError(f"a digit has {SIDE * SIDE} pixels, not {image.shape}")
    levels = (image / BRIGHTEST * (len(SHADES) - 1)).round().clip(0, len(SHADES) - 1).astype(int)
    return ["".join(SHADES[level] * 2 for level in row) for row in levels.reshape(SIDE, SIDE)]


def side_by_side(digits: Sequence[Drawn]) -> list[str]:
    """Return the digits beside each other, each with what the model says and, if that is wrong, what is true."""
    drawn = [[*rows(digit.image), _caption(digit).ljust(2 * SIDE)] for digit in digits]
    return [GAP.join(parts).rstrip() for parts in zip(*drawn, strict=True)]


def _caption(digit: Drawn) -> str:
    right = digit.predicted == digit.truth
    return f"says {digit.predicted}, is {digit.truth} {'✓' if right else '✗'}"
