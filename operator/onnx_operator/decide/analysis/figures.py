"""How rates and ranges are written: for people, as short as they can be."""

import math


def percent(rate: float) -> str:
    """Return a rate from 0 to 1 as percent, with one decimal where it says something: 0.4 %, 12 %, 100 %."""
    return f"{_short(100 * rate)} %"


def between(low: float, high: float) -> str:
    """Return two rates as a range in percent, rounded outwards: 0.4 % to 1.9 %."""
    return f"{_short(math.floor(1000 * low + 1e-9) / 10)} % to {_short(math.ceil(1000 * high - 1e-9) / 10)} %"


def points(low: float, high: float) -> str:
    """Return a range of differences of rates in percentage points, rounded outwards: -0.3 to +1.4 points."""
    return f"{_signed(math.floor(1000 * low + 1e-9) / 10)} to {_signed(math.ceil(1000 * high - 1e-9) / 10)} points"


def share_of(excess: float, tolerance: float) -> float:
    """Return an excess as a share of what is tolerated, at least 0; without a tolerance: 0, or 2, which is beyond."""
    if tolerance > 0:
        return round(max(0.0, excess / tolerance), 3)
    return 2.0 if excess > 0 else 0.0


def _short(value: float) -> str:
    """Return a number with one decimal if it is small, or so large that rounding would make 100 of it."""
    return f"{round(value, 1):g}" if abs(value) < 10 or 99 < abs(value) < 100 else f"{value:.0f}"


def _signed(value: float) -> str:
    return f"+{_short(value)}" if value > 0 else _short(value)
