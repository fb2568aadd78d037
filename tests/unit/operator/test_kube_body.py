"""What the operator sends means the same as JSON and as YAML, whatever a spec says."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from onnx_operator.kube.body import encoded

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "text", ["🙂", "名前", "a\tb\nc\r\n", "\x00\x07\x1b\x7f\x85\xa0\u2028\u2029\ufeff\ufffe\uffff", "- a: b"]
)
def test_odd_text_comes_through(text: str) -> None:
    body = {"spec": {text: [text, {"name": text}]}}
    assert json.loads(encoded(body)) == body
    assert yaml.safe_load(encoded(body).decode()) == body


@given(
    st.recursive(
        TEXT | st.integers(-(2**53), 2**53) | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=8
    )
)
def test_any_value_is_the_same_as_json_and_as_yaml(value: Any) -> None:
    body = {"value": value}
    assert json.loads(encoded(body)) == body
    assert yaml.safe_load(encoded(body).decode()) == body
