"""Counting values into buckets, cheaply enough for every request."""

from bisect import bisect_left

SECONDS = (
    *(0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
)
"""Bounds for durations: a tiny model takes some 50 µs a request, a large one seconds."""

ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
"""Bounds for the rows of a batch."""


class Histogram:
    """Values by bucket. `counts[i]` are those over `bounds[i - 1]` and up to `bounds[i]`; the last has no bound."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        """Make an empty histogram; `bounds` ascend."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count `value`."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def quantile(self, share: float) -> float | None:
        """Return a bound below which `share` (0 to 1) of the values are; None without values or such a bound."""
        counted, due = 0, share * self.count
        for bound, count in zip(self.bounds, self.counts, strict=False):
            counted += count
            if counted and counted >= due:
                return bound
        return None

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self.counts)
