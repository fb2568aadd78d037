"""When two elements are equal, and when two outputs are."""

from dataclasses import dataclass

import numpy as np

from onnx_server.comparison.elements import Floats

RMS_SHARE = 2.5
"""Of an output's root mean square this part counts with an element's own size: elements near 0 are not exact either."""

OUTSIDE_SHARE = 100
"""An output is equal if at most one of so many elements is outside the tolerance: none where there are fewer."""


@dataclass(frozen=True)
class Tolerance:
    """|b - a| <= absolute + relative * (|a| + rms / 2.5), `times` as much where the stable version is not exact."""

    relative: float
    absolute: float
    times: float = 1.0

    def bounds(self, stable: Floats, rms: float) -> Floats:
        """Return what each element may differ by. `times` may be infinite: then so is what they may differ by."""
        if not np.isfinite(self.times):
            return np.full(stable.shape, np.inf)
        bounds: Floats = np.abs(stable)
        bounds += rms / RMS_SHARE
        bounds *= self.relative * self.times
        bounds += self.absolute * self.times
        return bounds

    def bound(self, rms: float) -> float:
        """Return what the errors' root mean square is within if every element is within its bound.

        By the triangle inequality: absolute + relative * (rms + rms / 2.5).
        """
        return (self.absolute + self.relative * (rms + rms / RMS_SHARE)) * self.times

    def equal(self, outside: int, elements: int, error: float, rms: float) -> bool:
        """Whether numbers are equal, of which so many are outside: `error` and `rms` are root mean squares.

        A few elements may be outside, but not so far that the output as a whole is: of 1,000 probabilities, two say
        which class it is.
        """
        return outside <= elements // OUTSIDE_SHARE and error <= self.bound(rms)

    def exact_allowed(self, elements: int) -> int:
        """Return how many labels or texts may differ: `times` as many, since these have no size to differ by."""
        return int(min(elements, elements * self.times / OUTSIDE_SHARE))
