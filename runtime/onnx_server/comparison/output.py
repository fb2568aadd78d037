"""The comparisons of one output."""

import numpy as np

from onnx_server.comparison import difference, elements, kind, noise
from onnx_server.comparison.agreement import Agreement, Verdict
from onnx_server.comparison.elements import Elements, Floats
from onnx_server.comparison.tally import Seen
from onnx_server.comparison.tolerance import Tolerance
from onnx_server.comparison.unrelated import ELEMENTS, vector
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import TensorSpec

_FLOATS = frozenset({"FP16", "BF16", "FP32", "FP64"})


class Output:
    """What is learned of one output. It knows no sums: `tally.Tally` has them.

    A row of the output is judged whether it agrees: an element of the first dimension, where this is a dynamic one,
    else the whole output.
    """

    def __init__(self, spec: TensorSpec, relative: float, absolute: float) -> None:
        self.spec = spec
        self._exact = spec.datatype.name not in _FLOATS
        self._scores = not self._exact and kind.may_be_scores(spec.shape)
        self._agreement = Agreement(self._exact, self._scores)
        self._tolerance = (relative, absolute)
        self._noise = noise.Noise()
        self._before: tuple[Floats, Floats] | None = None

    @property
    def kind(self) -> kind.Kind | None:
        """Exact, scores or values; None as long as it is not known whether it is scores."""
        return self._agreement.kind if self._agreement.decided else None

    @property
    def noise(self) -> float:
        """How much the stable version differs from itself, in tolerances, with the safety factor."""
        return self._noise.value

    @property
    def itself(self) -> tuple[int, int]:
        """How many runs of the stable version's own were judged, and how many of them agree."""
        return self._agreement.itself

    def compare(self, stable: Tensor, candidate: Tensor | None, place: float) -> Seen | None:
        """Compare two answers; `place`, from 0 to below 1, says which row is judged. None: they cannot be compared."""
        pair = self._pair(stable, candidate)
        if pair is None:
            return None
        a, b = pair
        tolerance = Tolerance(*self._tolerance, self._noise.times)
        found = difference.of_exact(a, b, tolerance) if self._exact else difference.of_numbers(a, b, tolerance)
        if not a.size:
            return Seen(found, Verdict(True), False, False, self.kind)
        one, other = self._row(a, stable.shape, place), self._row(b, stable.shape, place)
        changed, stuck = self._moved(one, other)
        return Seen(found, self._agreement.judge(one, other, found.equal), changed, stuck, self.kind)

    def compare_self(self, first: Tensor, second: Tensor | None, place: float) -> bool:
        """Note two answers of the stable version to one request, and return whether they are equal."""
        pair = self._pair(first, second)
        if pair is None:
            self._noise.note(noise.MOST)
            return False
        a, b = pair
        if not a.size:
            self._agreement.note_empty()
            return True
        tolerance = Tolerance(*self._tolerance)
        if self._exact:
            apart = noise.of_exact(difference.of_exact(a, b, tolerance).outside, a.size)
        else:
            apart = noise.of_numbers(a, b, tolerance, difference.root_mean_square(a))
        self._noise.note(apart)
        self._agreement.note_self(self._row(a, first.shape, place), self._row(b, first.shape, place))
        return apart <= 1

    def _pair(self, one: Tensor, other: Tensor | None) -> tuple[Elements, Elements] | None:
        if other is None or one.shape != other.shape:
            return None
        a, b = elements.of(one, self.spec.datatype), elements.of(other, self.spec.datatype)
        if a is None or b is None or a.text != b.text or a.integral != self._exact:
            return None
        return a, b

    def _row(self, these: Elements, shape: tuple[int, ...], place: float) -> Floats:
        flat = these.flat
        if self.spec.batches and shape:
            width = flat.size // shape[0]
            first = int(place * shape[0]) * width
            flat = flat[first : first + width]
        return vector(Elements(flat, these.text, these.wide), kind.CLASSES.stop if self._scores else ELEMENTS)

    def _moved(self, one: Floats, other: Floats) -> tuple[bool, bool]:
        """Return whether the stable version's row is another than in the copy before, and the candidate's is not."""
        before, self._before = self._before, (one, other)
        if before is None or _same(before[0], one):
            return False, False
        return True, _same(before[1], other)


def _same(one: Floats, other: Floats) -> bool:
    """Whether two rows are the same; of two lengths, their beginnings: a constant has any length."""
    size = min(one.size, other.size)
    return np.array_equal(one[:size], other[:size])
