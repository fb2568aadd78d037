"""How long runs of a model take, by how much is in them: what decides where a batch runs, and what is fair."""

# A new time moves the mean by this share of the difference: up at once by half, so that a model that has become slow
# leaves the event loop after one run or two, and down slowly.
_UP, _DOWN = 0.5, 0.1


def size_class(size: int) -> int:
    """Return the class of `size`, in elements of the inputs: each has sizes up to four times those of the one below."""
    return (size.bit_length() + 1) >> 1


class RunTimes:
    """Exponentially weighted means of the seconds of runs, one for each size class of what was run."""

    __slots__ = ("_means",)

    def __init__(self) -> None:
        self._means: dict[int, float] = {}

    def learn(self, size: int, seconds: float) -> None:
        """Count in a run on `size` elements."""
        number = (size.bit_length() + 1) >> 1
        mean = self._means.get(number)
        if mean is None:
            self._means[number] = seconds
        else:
            self._means[number] = mean + (_UP if seconds > mean else _DOWN) * (seconds - mean)

    def expected(self, size: int) -> float | None:
        """Return the seconds that a run on `size` elements may take; None before any was seen.

        Of a class that was never run: four times as long for each class above the nearest smaller one that was, which
        is too long for nearly all models; else what the nearest larger one took.
        """
        number = (size.bit_length() + 1) >> 1
        mean = self._means.get(number)
        if mean is not None or not self._means:
            return mean
        smaller = max((known for known in self._means if known < number), default=None)
        if smaller is not None:
            return self._means[smaller] * float(4 ** (number - smaller))
        return self._means[min(self._means)]
