from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import given

from onnx_operator.kube.quantity import SUFFIXES, parse


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1000m", "1"),
        ("1", 1),
        ("2Gi", 2 * 2**30),
        ("0.5", "500m"),
        ("1e3", "1k"),
        ("1E3", "1000"),
        ("1.5Gi", "1536Mi"),
    ],
)
def test_quantities_are_compared_by_what_they_are_worth(one: str, other: str | int) -> None:
    assert parse(one) == parse(other)


@pytest.mark.parametrize(("one", "other"), [("1G", "1Gi"), ("1m", "1M"), ("1", "2")])
def test_other_amounts_differ(one: str, other: str) -> None:
    assert parse(one) != parse(other)


@pytest.mark.parametrize("wrong", ["", "abc", "1 Gi b", "--1", "Gi"])
def test_what_is_no_quantity_has_no_value(wrong: str) -> None:
    assert parse(wrong) is None


@given(st.integers(min_value=0, max_value=10**9), st.sampled_from(sorted(SUFFIXES)))
def test_a_suffix_multiplies(number: int, suffix: str) -> None:
    assert parse(f"{number}{suffix}") == Decimal(number) * SUFFIXES[suffix]
