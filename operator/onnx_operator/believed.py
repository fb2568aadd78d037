"""What is believed of a document that a pod answers: values of the right type and no more than anybody can hold. Pure.

What runs in a pod may be anybody's. Each of these functions returns the value.

Raises:
    TypeError: the value is of another type, or larger than any that is meant.
    ValueError: it is no percentage, no finite number, or of a list too long.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

Object = dict[str, Any]
T = TypeVar("T")

LONGEST_TEXT = 1024  # characters
# Larger counters are no counts, and JSON's numbers are exact up to there.
LARGEST = 2**53


def mapping(found: object) -> Object:
    """An object with text as keys."""
    if not isinstance(found, dict):
        raise TypeError
    return found


def listed(found: object, each: Callable[[Any], T], most: int) -> tuple[T, ...]:
    """A list of at most so many items, each of which ``each`` believes."""
    if not isinstance(found, list) or len(found) > most:
        raise TypeError
    return tuple(map(each, found))


def text(found: object) -> str:
    """A text of reasonable length."""
    if not isinstance(found, str) or len(found) > LONGEST_TEXT:
        raise TypeError
    return found


def flag(found: object) -> bool:
    """A boolean."""
    if not isinstance(found, bool):
        raise TypeError
    return found


def count(found: object) -> int:
    """A whole number, at least 0."""
    # In Python, True is an int.
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= LARGEST:
        raise TypeError
    return found


def percent(found: object) -> int:
    """A whole number from 0 to 100."""
    if (value := count(found)) > 100:
        raise ValueError
    return value


def number(found: object) -> float:
    """A finite number; JSON as Python reads it has others."""
    if not isinstance(found, int | float) or isinstance(found, bool):
        raise TypeError
    if not math.isfinite(value := float(found)):
        raise ValueError
    return value


def counts(found: object, most: int) -> dict[str, int]:
    """Counts by at most so many kinds."""
    if len(by_kind := mapping(found)) > most:
        raise ValueError
    return {text(kind): count(value) for kind, value in by_kind.items()}
