"""Whether an output is what was expected of it, and if not how it differs, in words."""

import numpy as np

from onnx_server.engine.rounding import ROUNDING, ROUNDING_TF32
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import TensorSpec

RELATIVE, ABSOLUTE = 1e-3, 1e-7
"""The tolerances of ONNX's own backend tests: `rtol` and `atol` of `TestCase` in onnx/backend/test."""


def difference(spec: TensorSpec, expected: Tensor, got: Tensor, *, on_cpu: bool) -> str:
    """Return how `got` differs from `expected`, in a few words without a full stop; nothing if it is as expected.

    Floats are alike where |got - expected| <= ABSOLUTE + RELATIVE * |expected|, as in ONNX's tests (numpy's
    `assert_allclose`), plus what rounding may do to the output's largest value (engine/rounding.py): elements near zero
    are what is left of larger ones. NaN equals NaN, infinities themselves. All else has to be equal, where ONNX's tests
    would let large integers, such as labels, differ by a thousandth.
    """
    if got.shape != expected.shape:
        return f"output {spec.name}: its shape is {list(got.shape)}, expected is {list(expected.shape)}"
    rounding = (ROUNDING if on_cpu else ROUNDING_TF32).get(spec.datatype.name)
    if rounding is None:
        differ = got != expected
        count = int(np.count_nonzero(differ))
        if not count:
            return ""
        example = f"e.g. {_shown(got[differ].flat[0])}, expected is {_shown(expected[differ].flat[0])}"
        return f"output {spec.name}: {count} of {got.size} elements differ, {example}"
    return _of_floats(spec, _floats(spec, expected), _floats(spec, got), rounding)


def _of_floats(spec: TensorSpec, expected: Tensor, got: Tensor, rounding: float) -> str:
    finite = np.isfinite(expected) & np.isfinite(got)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    sizes = np.abs(expected[finite])
    apart = np.abs(got[finite] - expected[finite])
    beyond = apart > ABSOLUTE + RELATIVE * sizes + rounding * sizes.max(initial=0.0)
    others = int(np.count_nonzero(~finite & ~same))
    count = int(np.count_nonzero(beyond)) + others
    if not count:
        return ""
    most = f", at most by {apart.max():.2g}" if beyond.any() else ""
    words = f"; {others} of them are NaN or infinite, or should be" if others else ""
    return f"output {spec.name}: {count} of {got.size} elements differ{most}{words}"


def _floats(spec: TensorSpec, array: Tensor) -> Tensor:
    if spec.datatype.name == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.astype(np.float64)


def _shown(value: object) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)[:40]
