import numpy as np
import pytest

from demo.drawing import Drawn, rows, side_by_side

BLANK = np.zeros(64, np.float32)


def test_a_digit_is_eight_lines_of_sixteen_columns() -> None:
    assert rows(BLANK) == [" " * 16] * 8


def test_each_pixel_is_two_columns_wide_and_darker_where_the_pen_was() -> None:
    image = BLANK.copy()
    image[:5] = [0, 4, 8, 12, 16]
    assert rows(image)[0] == "  ░░▒▒▓▓██      "


def test_values_beyond_the_range_are_drawn_as_its_ends() -> None:
    image = BLANK.copy()
    image[:2] = [-3, 99]
    assert rows(image)[0].startswith("  ██")


def test_another_number_of_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="64 pixels"):
        rows(np.zeros(63, np.float32))


def test_digits_stand_side_by_side_with_what_the_model_says() -> None:
    full = np.full(64, 16, np.float32)
    lines = side_by_side([Drawn(full, 3, 3), Drawn(full, 3, 2)])
    assert lines[0] == "█" * 16 + "  " + "█" * 16
    assert len(lines) == 9
    assert lines[-1] == "says 3, is 3 ✓    says 3, is 2 ✗"


def test_five_digits_fit_into_the_width() -> None:
    lines = side_by_side([Drawn(np.full(64, 16, np.float32), 1, 1)] * 5)
    assert max(map(len, lines)) <= 98
