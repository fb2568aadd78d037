"""Ragged requests: padded to buckets, filled masks, outputs cut back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.protocol.errors import RequestError
from tests.unit.server.preparing import preparation, spec

TOKENS, MASK, LENGTHS = spec("ids", "INT64", "N", "L"), spec("mask", "INT64", "N", "L"), spec("lengths", "INT32", "N")
OUTPUTS = (spec("hidden", "FP32", "N", "L", 4), spec("pooled", "FP32", "N", 4), spec("pairs", "FP32", "N", "L", "L"))


def test_a_dimension_is_filled_up_to_the_next_bucket() -> None:
    ours = preparation("{ids: {pad: {axis: 1, buckets: [4, 8], value: 9}}}", TOKENS, outputs=OUTPUTS)
    for size, bucket in ((0, 4), (3, 4), (4, 4), (5, 8), (8, 8)):
        ids = np.ones((2, size), dtype=np.int64)
        prepared = ours.apply({"ids": ids})
        assert prepared.inputs["ids"].tolist() == [[1] * size + [9] * (bucket - size)] * 2
        hidden, pooled = np.ones((2, bucket, 4)), np.ones((2, 4))
        restored = prepared.restore(["pooled", "hidden", "pairs"], [pooled, hidden, np.ones((2, bucket, bucket))])
        assert [output.shape for output in restored] == [(2, 4), (2, size, 4), (2, size, size)]


def test_longer_than_the_last_bucket() -> None:
    ours = preparation("{ids: {pad: {axis: 1, buckets: [4, 8]}}}", TOKENS)
    with pytest.raises(RequestError) as error:
        ours.apply({"ids": np.ones((1, 9), dtype=np.int64)})
    assert error.value.status == 400
    assert error.value.message == "input 'ids' has 9 in dimension 1, and the largest of pad.buckets is 8: send less"


def test_the_server_fills_mask_and_lengths() -> None:
    settings = "{ids: {pad: {axis: 1, buckets: [4], mask: mask, lengths: lengths}}}"
    ours = preparation(settings, TOKENS, MASK, LENGTHS)
    assert [seen.name for seen in ours.signature.inputs] == ["ids"]
    inputs = ours.apply({"ids": np.ones((2, 3), dtype=np.int64)}).inputs
    assert inputs["mask"].tolist() == [[1, 1, 1, 0]] * 2
    assert inputs["mask"].dtype == np.int64
    assert inputs["lengths"].tolist() == [3, 3]
    assert inputs["lengths"].dtype == np.int32


@pytest.mark.parametrize(("datatype", "one"), [("BOOL", True), ("FP32", 1.0), ("BF16", 0x3F80), ("UINT8", 1)])
def test_masks_of_every_kind(datatype: str, one: object) -> None:
    ours = preparation("{ids: {pad: {axis: 1, buckets: [2], mask: mask}}}", TOKENS, spec("mask", datatype, "N", "L"))
    assert ours.apply({"ids": np.ones((1, 1), dtype=np.int64)}).inputs["mask"].tolist() == [[one, 0]]


def test_inputs_that_share_a_dimension_are_of_one_size() -> None:
    settings = "{ids: {pad: {axis: 1, buckets: [4]}}, mask: {pad: {axis: 1, buckets: [4]}}}"
    ours = preparation(settings, TOKENS, MASK)
    ids, mask = np.ones((1, 3), dtype=np.int64), np.ones((1, 2), dtype=np.int64)
    assert ours.apply({"ids": ids, "mask": ids}).inputs["mask"].tolist() == [[1, 1, 1, 0]]
    with pytest.raises(RequestError, match="input 'mask' has 2 in dimension 1, and input 'ids' has 3 in dimension 1"):
        ours.apply({"ids": ids, "mask": mask})


@pytest.mark.parametrize(
    ("datatype", "value", "filled"),
    [
        ("FP32", ".5", 0.5),
        ("FP16", "-.inf", -np.inf),
        ("BOOL", "true", True),
        ("UINT8", "255", 255),
        ("BYTES", "a", "a"),
    ],
)
def test_what_fills(datatype: str, value: str, filled: object) -> None:
    model = spec("x", datatype, "N", "L")
    ours = preparation(f"{{x: {{pad: {{axis: 1, buckets: [2], value: {value}}}}}}}", model)
    array = np.zeros((1, 1), dtype=model.datatype.dtype)
    result = ours.apply({"x": array}).inputs["x"]
    assert result.dtype == array.dtype
    assert result[0, 1] == filled


def test_strings_are_filled_with_empty_ones() -> None:
    ours = preparation("{x: {pad: {axis: 1, buckets: [3]}}}", spec("x", "BYTES", "N", "L"))
    assert ours.apply({"x": np.array([["a"]], dtype=object)}).inputs["x"].tolist() == [["a", "", ""]]


def test_outputs_whose_dimension_has_another_name() -> None:
    settings = "{x: {pad: {axis: 1, buckets: [4], outputs: {y: 2}}}}"
    outputs = (spec("y", "FP32", "N", 2, "other"), spec("z", "FP32", "N", "other"))
    ours = preparation(settings, spec("x", "FP32", "N", ""), outputs=outputs)
    prepared = ours.apply({"x": np.ones((1, 3), dtype=np.float32)})
    y, z = prepared.restore(["y", "z"], [np.ones((1, 2, 4)), np.ones((1, 4))])
    assert (y.shape, z.shape) == ((1, 2, 3), (1, 4))


@given(rows=st.integers(0, 3), size=st.integers(0, 16), buckets=st.sets(st.integers(1, 16), min_size=1))
def test_what_comes_back_is_what_was_sent(rows: int, size: int, buckets: set[int]) -> None:
    ours = preparation(
        f"{{x: {{pad: {{axis: 1, buckets: {sorted(buckets)}}}}}}}",
        spec("x", "FP32", "N", "L", 2),
        outputs=(spec("y", "FP32", "N", "L", 2),),
    )
    array = np.random.default_rng(0).random((rows, size, 2), dtype=np.float32)
    if size > max(buckets):
        with pytest.raises(RequestError, match=f"has {size} in dimension 1"):
            ours.apply({"x": array})
        return
    prepared = ours.apply({"x": array})
    assert prepared.inputs["x"].shape[1] == min(bucket for bucket in buckets if bucket >= size)
    np.testing.assert_array_equal(prepared.restore(["y"], [prepared.inputs["x"]])[0], array)
