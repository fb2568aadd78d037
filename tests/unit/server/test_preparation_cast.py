"""Safe casts: a value is taken if, and only if, the other datatype has it."""

import math
import re
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onnx_server.preparation import bfloat16
from onnx_server.preparation.cast import NUMERIC, cast, widens
from onnx_server.protocol.datatypes import BY_NAME, Tensor
from onnx_server.protocol.errors import RequestError

NAMES = [datatype.name for datatype in NUMERIC]
FLOATS = {"FP16", "BF16", "FP32", "FP64"}


def exact(value: Any) -> Fraction | str:
    """A number as it is, without a datatype; what is none by its name, zeros of either sign as one."""
    number = value.item() if isinstance(value, np.generic) else value
    return Fraction(number) if math.isfinite(number) else str(float(number))


def read(array: Tensor, datatype: str) -> list[Fraction | str]:
    """The values of an array as the server holds it, by another implementation of bfloat16."""
    values = array.view(ml_dtypes.bfloat16).astype(np.float64) if datatype == "BF16" else array
    return [exact(value) for value in values.ravel()]


def has(datatype: str, value: Fraction | str) -> bool:
    """Whether the datatype has the value: it is the nearest to itself."""
    if datatype == "BOOL":
        return value in {0, 1}
    if datatype not in FLOATS:
        info = np.iinfo(BY_NAME[datatype].dtype)
        return isinstance(value, Fraction) and value.denominator == 1 and info.min <= value <= info.max
    if not isinstance(value, Fraction):
        return True
    kind = ml_dtypes.bfloat16 if datatype == "BF16" else BY_NAME[datatype].dtype.type
    double = float(value)
    with np.errstate(over="ignore"):
        return Fraction(double) == value and exact(float(np.float64(double).astype(kind))) == value


def sent(draw: st.DrawFn, source: str) -> Tensor:
    """An array as it comes to the cast: of BF16 the float32 values. Values near other datatypes' limits are likely."""
    if source == "BF16":
        return bfloat16.widened(draw(arrays.arrays(np.uint16, 5)))
    dtype = BY_NAME[source].dtype
    if source in FLOATS:
        likely = [
            float(sign * (2**power + step)) for sign in (1, -1) for power in (8, 11, 24, 53) for step in (-1, 0, 1)
        ]
        likely += [2.0**63, 2.0**64, -(2.0**63), 65504.0, 65520.0, 3.4e38, -0.0, math.inf, math.nan]
        with np.errstate(over="ignore"):
            few = st.sampled_from([float(dtype.type(value)) for value in likely])
        width = {"FP16": 16, "FP32": 32, "FP64": 64}[source]
        return np.array(draw(st.lists(few | st.floats(width=width), min_size=1, max_size=5)), dtype=dtype)
    return draw(arrays.arrays(dtype, 5))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tensor, str, str]:
    source, target = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
    return sent(draw, source), source, target


@given(case=cases())
@example(case=(np.array([2**63 - 1]), "INT64", "FP64"))
@example(case=(np.array([2**63 - 1]), "INT64", "FP32"))
@example(case=(np.array([2**64 - 1], dtype=np.uint64), "UINT64", "FP64"))
@example(case=(np.array([2.0**63]), "FP64", "INT64"))
@example(case=(np.array([2.0**63]), "FP64", "UINT64"))
@example(case=(np.array([-(2.0**63)]), "FP64", "INT64"))
@example(case=(np.array([65520.0], dtype=np.float32), "FP32", "FP16"))
@example(case=(np.array([2**16], dtype=np.uint32), "UINT32", "FP16"))
def test_a_cast_is_taken_only_if_every_value_survives(case: tuple[Tensor, str, str]) -> None:
    values, source, target = case
    before = [exact(value) for value in values]
    lost = [index for index, value in enumerate(before) if not has(target, value)]
    if lost:
        assert not widens(source, target)
        place = f"input 'x': element [{lost[0]}] is {values[lost[0]]!s} ({source}), which {target}"
        with pytest.raises(RequestError, match=re.escape(place)) as refused:
            cast("x", values, source, target)
        assert refused.value.status == 400
    else:
        converted = cast("x", values, source, target)
        assert converted.dtype == BY_NAME[target].dtype
        assert read(converted, target) == before


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_widening_is_where_no_value_can_be_lost(source: str, target: str) -> None:
    """At the limits of the source every narrower datatype shows; between them two neighbours do."""
    if source in FLOATS:
        kind = ml_dtypes.bfloat16 if source == "BF16" else BY_NAME[source].dtype.type
        info = ml_dtypes.finfo(kind)
        extremes = [Fraction(float(value)) for value in (info.max, info.smallest_subnormal, 1 + info.eps)]
    elif source == "BOOL":
        extremes = [Fraction(0), Fraction(1)]
    else:
        limits = np.iinfo(BY_NAME[source].dtype)
        extremes = [Fraction(limits.min), Fraction(limits.max), Fraction(limits.max - 1)]
    assert widens(source, target) == all(has(target, value) for value in extremes)


@given(values=arrays.arrays(np.float32, 8))
def test_bfloat16_rounds_as_others_do(values: Tensor) -> None:
    with np.errstate(over="ignore"):
        theirs = values.astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(bfloat16.widened(bfloat16.rounded(values)), theirs)


def test_the_element_is_named_in_the_tensors_own_dimensions() -> None:
    values = np.zeros((2, 3), dtype=np.float32)
    values[1, 2] = 0.1
    with pytest.raises(RequestError, match=r"input 'x': element \[1, 2\] is 0\.1 \(FP32\), which FP16 does not have"):
        cast("x", values, "FP32", "FP16")
