"""A check's value over time, as a sparkline: a bar for each time that it was told with more samples."""

import math

BARS = "▁▂▃▄▅▆▇█"
LONGEST = 24


def appended(before: str, level: float | None) -> str:
    """Return the sparkline with one more bar, of a value that is this share of what is tolerated.

    What is just tolerated is half as high as the highest bar. Only the newest bars are kept.
    """
    known = "".join(bar for bar in before if bar in BARS)
    return (known + bar_of(level))[-LONGEST:]


def bar_of(level: float | None) -> str:
    """Return the bar of a value; none if there is no value."""
    if level is None or math.isnan(level):
        return ""
    height = math.ceil(min(max(level, 0.0), 2.0) * len(BARS) / 2)
    return BARS[max(height, 1) - 1]
