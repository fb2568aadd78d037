"""Value checks, scaling and layouts: what the model gets, and what a client hears."""

import ml_dtypes
import numpy as np
import pytest

from onnx_server.preparation import bfloat16
from onnx_server.preparation.preparation import build
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.signature import Signature, TensorSpec
from tests.unit.server.preparing import preparation, spec


def prepared(settings: str, model: TensorSpec, array: Tensor) -> Tensor:
    return preparation(f"{{x: {settings}}}", model).apply({"x": array}).inputs["x"]


def refused(settings: str, model: TensorSpec, array: Tensor) -> str:
    with pytest.raises(RequestError) as error:
        prepared(settings, model, array)
    assert error.value.status == 400
    return error.value.message


def test_without_settings_there_is_nothing_on_a_requests_way() -> None:
    assert build({}, Signature((spec("x", "FP32", "N"),), ())) is None


@pytest.mark.parametrize(
    ("check", "values", "words"),
    [
        ("finite: true", [[0, 1], [np.nan, 2]], "element [1, 0] is nan, but check.finite takes finite values only"),
        ("finite: true", [[0, np.inf]], "element [0, 1] is inf, but check.finite"),
        ("min: 0", [[0, 1], [5, -0.5]], "element [1, 1] is -0.5, but check.min is 0"),
        ("max: 0.1", [[0.1, 0.11]], "element [0, 1] is 0.11, but check.max is 0.1"),
        ("min: 0", [[np.nan, 1]], "element [0, 0] is nan, but check.min is 0"),
        ("max: 1.0e+300", [[np.inf, 1]], "element [0, 0] is inf, but check.max is 1e+300"),
        ("min: -1.0e+300", [[1, -np.inf]], "element [0, 1] is -inf, but check.min is -1e+300"),
    ],
)
@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_a_check_names_the_element_and_the_limit(check: str, values: Tensor, words: str, datatype: str) -> None:
    model = spec("x", datatype, "N", 2)
    array = np.array(values, dtype=model.datatype.dtype)
    assert f"input 'x': {words}" in refused(f"{{check: {{{check}}}}}", model, array)


@pytest.mark.parametrize(
    ("datatype", "check", "values", "taken"),
    [
        ("FP32", "{max: 0.1, min: -0.1}", [0.1, -0.1], True),  # as FP32 has it, which is above the double
        ("FP16", "{max: 0.1, finite: true}", [0.1], True),
        ("FP16", "{max: 1.0e+6}", [65504], True),
        ("FP16", "{max: 1.0e+6}", [np.inf], False),
        ("FP32", "{finite: false}", [np.nan], True),
        ("INT64", "{max: 9007199254740992.0}", [2**53], True),
        ("INT64", "{max: 9007199254740992.0}", [0, 2**53 + 1], False),
        ("UINT64", "{max: 18446744073709551614}", [2**64 - 1], False),
        ("UINT8", "{min: -5, max: 1000}", [0, 255], True),
        ("INT8", "{min: 0.5}", [1], True),
        ("INT8", "{min: 0.5}", [0], False),
        ("BOOL", "{max: 0}", [True], False),
        ("FP32", "{min: 0}", [], True),
    ],
)
def test_limits_are_exact_in_each_datatype(datatype: str, check: str, values: list[float], taken: bool) -> None:
    model = spec("x", datatype, "N")
    array = np.array(values, dtype=model.datatype.dtype)
    if taken:
        np.testing.assert_array_equal(prepared(f"{{check: {check}}}", model, array), array)
    else:
        place = f"element [{len(values) - 1}] is {array[-1]}"
        assert place in refused(f"{{check: {check}}}", model, array)


def test_a_check_of_bfloat16() -> None:
    bits = np.array([0.1, 2.5], dtype=ml_dtypes.bfloat16).view(bfloat16.SENT.dtype)
    model = spec("x", "BF16", "N")
    taken = prepared("{check: {min: 0.1, max: 2.5, finite: true}}", model, bits)
    np.testing.assert_array_equal(taken.view(ml_dtypes.bfloat16), np.array([0.1, 2.5], dtype=ml_dtypes.bfloat16))
    assert "element [1] is 2.5, but check.max is 2" in refused("{check: {max: 2}}", model, bits)


def test_arrays_of_bfloat16_and_uint16_are_told_apart() -> None:
    for target in ("FP32", "BF16"):
        ours = preparation("{x: {cast: Safe}}", spec("x", target, "N"))
        sent = ours.signature.inputs[0]
        for datatype, bits, value in (("BF16", 0x3F80, 1.0), ("UINT16", 2, 2.0)):
            accepted = sent.sent_as(datatype)
            assert accepted is not None
            array = np.frombuffer(np.array([bits], dtype="<u2").tobytes(), dtype=accepted.dtype)
            result = ours.apply({"x": array}).inputs["x"]
            read = bfloat16.widened(result) if target == "BF16" else result
            assert read.tolist() == [value], (target, datatype)


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
def test_scale_mean_and_std_per_channel(datatype: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    settings = "{cast: Safe, scale: 0.00392156862745098, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], "
    settings += "layout: {from: NHWC, to: NCHW}}"
    result = prepared(settings, spec("x", datatype, "N", 3, 4, 5), pixels)
    kind = np.float64 if datatype == "FP64" else np.float32
    expected = (pixels.astype(kind) * kind(1 / 255) - np.array([0.485, 0.456, 0.406], kind)) / np.array(
        [0.229, 0.224, 0.225], kind
    )
    expected = expected.transpose(0, 3, 1, 2)
    if datatype == "BF16":
        np.testing.assert_array_equal(result.view(ml_dtypes.bfloat16), expected.astype(ml_dtypes.bfloat16))
    else:
        np.testing.assert_array_equal(result, expected.astype(spec("x", datatype).datatype.dtype))
        assert result.flags.c_contiguous


def test_features_have_their_constants_after_the_rows() -> None:
    rows = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    result = prepared("{mean: [1, 2, 3], std: 2}", spec("x", "FP32", "N", 3), rows)
    assert result.tolist() == [[0, 0, 0], [1.5, 1.5, 1.5]]
    assert rows[0, 0] == 1, "the client's tensor is not changed"


def test_the_channels_of_a_model_that_takes_them_last() -> None:
    ones = np.ones((1, 2, 2, 3), dtype=np.float32)
    settings = "{scale: [1, 2, 3], layout: {from: NHWC, to: NHWC}}"
    assert prepared(settings, spec("x", "FP32", "N", 2, 2, 3), ones)[0, 1, 1].tolist() == [1, 2, 3]


def test_a_value_that_standardising_makes_infinite_is_named() -> None:
    values = np.array([[1, np.inf], [7e4, 1]], dtype=np.float32)
    message = refused("{cast: Safe, scale: 1}", spec("x", "FP16", "N", 2), values)
    assert message == "input 'x': element [1, 0] is 70000.0, which standardised is outside of FP16"


@pytest.mark.parametrize(
    ("sent", "taken", "shape", "model"),
    [
        ("NHWC", "NCHW", (2, 4, 5, 3), (3, 4, 5)),
        ("NCHW", "NHWC", (2, 3, 4, 5), (4, 5, 3)),
        ("NTC", "NCT", (2, 7, 3), (3, 7)),
    ],
)
def test_layouts(sent: str, taken: str, shape: tuple[int, ...], model: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    ours = preparation(f"{{x: {{layout: {{from: {sent}, to: {taken}}}}}}}", spec("x", "FP32", "N", *model))
    assert ours.signature.inputs[0].shape == (-1, *shape[1:])
    result = ours.apply({"x": array}).inputs["x"]
    np.testing.assert_array_equal(result, np.einsum(f"{sent}->{taken}", array))


def test_what_clients_see() -> None:
    ours = preparation(
        "{x: {cast: Safe, check: {max: 1}, mean: [1, 2, 3], layout: {from: NHWC, to: NCHW}}}",
        spec("x", "FP16", "N", 3, 4, 5),
        spec("other", "INT64", "N"),
    )
    seen, other = ours.signature.describe()["inputs"]
    assert other == {"name": "other", "datatype": "INT64", "shape": [-1]}
    assert (seen["datatype"], seen["shape"]) == ("FP16", [-1, 4, 5, 3])
    shown = seen["parameters"]["standardisation"]
    assert shown.pop("accepts")[0] == "FP16"
    assert shown == {
        "check": {"finite": False, "max": 1},
        "cast": "Safe",
        "mean": [1, 2, 3],
        "layout": {"from": "NHWC", "to": "NCHW"},
        "model": {"datatype": "FP16", "shape": [-1, 3, 4, 5]},
    }


def test_large_tensors_and_images_belong_on_a_thread() -> None:
    ours = preparation("{x: {check: {finite: true}}}", spec("x", "FP32", "N"))
    assert not ours.costly({"x": np.zeros(10, np.float32)})
    assert ours.costly({"x": np.zeros(1_000_000, np.float32)})
    images = preparation("{x: {image: {}}}", spec("x", "UINT8", "N", 2, 2, 3))
    assert images.costly({"x": np.array([b""], dtype=object)})
