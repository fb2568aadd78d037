"""A check's sparkline."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_operator.decide.rollout.trend import BARS, LONGEST, appended, bar_of


@pytest.mark.parametrize(
    ("level", "bar"),
    [(0.0, "▁"), (0.25, "▁"), (0.26, "▂"), (0.5, "▂"), (1.0, "▄"), (1.01, "▅"), (2.0, "█"), (99.0, "█"), (-3.0, "▁")],
)
def test_what_is_just_tolerated_is_half_as_high_as_the_highest_bar(level: float, bar: str) -> None:
    assert bar_of(level) == bar


def test_no_value_has_no_bar() -> None:
    assert (bar_of(None), bar_of(math.nan), bar_of(math.inf)) == ("", "", "█")
    assert appended("▁▂", None) == "▁▂"


def test_the_newest_bars_are_kept_and_nothing_else_that_somebody_wrote_there() -> None:
    full = "▁" * LONGEST
    assert appended(full, 1.0) == full[1:] + "▄"
    assert appended("abc▂ ", 0.0) == "▂▁"


@given(st.text(max_size=40), st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_whatever_comes_it_is_a_sparkline(before: str, level: float | None) -> None:
    made = appended(before, level)
    assert len(made) <= LONGEST
    assert set(made) <= set(BARS)


@given(st.floats(0, 5), st.floats(0, 5))
def test_more_is_never_lower(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert BARS.index(bar_of(low)) <= BARS.index(bar_of(high))
