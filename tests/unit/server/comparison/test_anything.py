"""Whatever two versions answer, nothing is raised, nothing warns, and what is told is JSON without NaN."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onnx_server.protocol.datatypes import BY_NAME, Tensor
from tests.unit.server.comparison import copies

DTYPES = [datatype.dtype for datatype in BY_NAME.values() if datatype.name != "BYTES"]


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    if draw(st.booleans()):
        dtype = draw(st.sampled_from(DTYPES))
        return draw(arrays.arrays(dtype, shape))
    texts = draw(st.lists(st.text() | st.binary(), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    array = np.empty(len(texts), object)
    array[:] = texts
    return array.reshape(shape)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(BY_NAME)),
    st.sampled_from([(), (-1,), (-1, 3), (-1, -1, -1)]),
    st.lists(st.tuples(tensors(), tensors()), min_size=1, max_size=4),
)
def test_any_tensors_can_be_compared(datatype: str, shape: tuple[int, ...], pairs: list[tuple[Tensor, Tensor]]) -> None:
    made = copies.comparisons(copies.spec(datatype, *shape), keep=True)
    for one, other in pairs * 8:
        copies.compare(made, one, other, {"x": one, "z": other})
        made.compare_self({"y": one}, {"y": other})
        copies.compare(made, one, one)
    found = copies.output(made)
    json.dumps(made.describe(), allow_nan=False)
    assert found["samples"] + found["unlike"] == len(pairs) * 16
    assert found["agreed"] + found["learning"] <= found["samples"]
    assert found["stuck"] <= found["changed"] <= found["samples"]
    assert found["outside"] <= found["elements"]


def test_a_large_output_is_compared_in_chunks() -> None:
    stable = np.random.default_rng(0).normal(size=(1, 3, 700, 700)).astype(np.float32)
    made = copies.comparisons(copies.spec("FP32", -1, 3, -1, -1))
    copies.compare(made, stable, stable + np.float32(1))
    found = copies.output(made)
    assert (found["elements"], found["outside"]) == (stable.size, stable.size)
    assert abs(found["meanAbsoluteError"] - 1) < 1e-6


def test_sums_beyond_float64_are_told_as_numbers() -> None:
    made = copies.comparisons(copies.spec("FP64"))
    stable = np.array([1e308, -1e308, 1e308])
    copies.compare(made, stable, -stable)
    copies.compare(made, stable, stable)
    json.dumps(made.describe(), allow_nan=False)
    assert copies.output(made)["equal"] == 1
