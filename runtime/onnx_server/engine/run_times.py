"""How long runs of a model take, by how much is in them: what decides where a batch runs, and what is fair."""

# A new time moves the mean by this share of the difference: up at once by half, so that a model that has become slow
# leaves the event loop after one run or two, and down slowly.
_UP, _DOWN = 0.5, 0.1
# Of a longer time up to this, one alone may be the machine's doing, which took the CPU away: two in a row are believed.
_HICCUP_SECONDS = 10e-3


def size_class(size: int) -> int:
    """Return the class of `size`, in elements of the inputs: each has sizes up to four times those of the one below."""
    return (size.bit_length() + 1) >> 1


class RunTimes:
    """Exponentially weighted means of the seconds of runs, one for each size class of what was run."""

    __slots__ = ("_last", "_means")

    def __init__(self) -> None:
        self._means: dict[int, float] = {}
        self._last: dict[int, float] = {}

    def learn(self, size: int, seconds: float) -> None:
        """Count in a run on `size` elements."""
        number = size_class(size)
        mean = self._means.get(number)
        if mean is None:
            self._means[number] = self._last[number] = seconds
            return
        last, self._last[number] = self._last[number], seconds
        if seconds <= mean:
            self._means[number] = mean + _DOWN * (seconds - mean)
        else:
            believed = seconds if seconds > _HICCUP_SECONDS or seconds < last else max(last, mean)
            self._means[number] = mean + _UP * (believed - mean)

    def expected(self, size: int) -> float | None:
        """Return the seconds that a run on `size` elements may take; None before any was seen.

        Of a class that was never run: four times as long for each class above the nearest smaller one that was, which
        is too long for nearly all models; else what the nearest larger one took.
        """
        number = size_class(size)
        mean = self._means.get(number)
        if mean is not None or not self._means:
            return mean
        smaller = max((known for known in self._means if known < number), default=None)
        if smaller is not None:
            return self._means[smaller] * float(4 ** (number - smaller))
        return self._means[min(self._means)]
