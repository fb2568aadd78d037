"""Settings of inputs that do not go with the model: InvalidConfig, and the field by name."""

from pathlib import Path

import pytest

from onnx_server.failures import Failure, Reason
from onnx_server.protocol.signature import TensorSpec
from onnx_server.settings import server
from tests.unit.server.preparing import preparation, spec

NUMBERS, WHOLE, TEXT = spec("x", "FP32", "N", 3), spec("x", "INT64", "N", "L"), spec("x", "BYTES", "N", "L")
FIRST, LAST, ANY = spec("x", "FP32", "N", 3, 6, 8), spec("x", "UINT8", "N", 6, 8, 3), spec("x", "FP32")
MASK = spec("mask", "INT64", "N", "L")
PAD = "pad: {axis: 1, buckets: [4]"


@pytest.mark.parametrize(
    ("settings", "inputs", "words"),
    [
        ("{z: {}}", (NUMBERS,), "inputs.z: expected an input of the model, of ['x'], got 'z'"),
        ("{x: {cast: Safe}}", (TEXT,), "inputs.x.cast: expected an input of numbers, got BYTES"),
        ("{x: {check: {min: 0}}}", (TEXT,), "inputs.x.check: expected an input of numbers, got BYTES"),
        ("{x: {image: {}}}", (TEXT,), "inputs.x.image: expected an input of numbers"),
        ("{x: {scale: 2}}", (WHOLE,), "inputs.x.scale: expected an input of FP16, BF16, FP32, FP64, got INT64"),
        ("{x: {mean: [1, 2]}}", (NUMBERS,), "inputs.x.mean: expected 3 numbers, as dimension 1 of [-1, 3]"),
        ("{x: {std: [1, 0, 1]}}", (NUMBERS,), "inputs.x.std: expected numbers above 0, got [1, 0, 1]"),
        ("{x: {std: -1}}", (NUMBERS,), "inputs.x.std: expected numbers above 0, got -1"),
        ("{x: {scale: 1.0e+300}}", (NUMBERS,), "inputs.x.scale: expected numbers that FP32 has, got 1e+300"),
        ("{x: {mean: [1]}}", (ANY,), "inputs.x.mean: expected one number, since there is no fixed size in dimension 1"),
        (
            "{x: {mean: [1], layout: {from: ABD, to: ADB}}}",
            (spec("x", "FP32", "N", 1, 1),),
            "since there is no C in layout",
        ),
        ("{x: {layout: {from: NHWC, to: NCHW}}}", (NUMBERS,), "inputs.x.layout.to: expected 4 dimensions"),
        (
            "{x: {layout: {from: TNC, to: NTC}}}",
            (spec("x", "FP32", "N", 5, 2),),
            "inputs.x.layout.from: expected N first",
        ),
        (
            "{x: {image: {}}}",
            (NUMBERS,),
            "inputs.x.image: expected a model that takes 4 dimensions, got the shape [-1, 3]",
        ),
        (
            "{x: {image: {}}}",
            (spec("x", "INT8", "N", 6, 8, 3),),
            "inputs.x.image: expected an input whose datatype has",
        ),
        (
            "{x: {image: {}}}",
            (FIRST,),
            "inputs.x.image.channels: expected 8 of them, as the model's shape [-1, 3, 6, 8]",
        ),
        ("{x: {image: {channels: L}}}", (LAST,), "inputs.x.image.channels: expected 3 of them"),
        ("{x: {image: {}, cast: Safe}}", (LAST,), "inputs.x.cast: expected none, as images are cast without it"),
        (
            "{x: {image: {}, layout: {from: NCHW, to: NHWC}}}",
            (LAST,),
            "inputs.x.layout.from: expected NHWC, which images are decoded to, got NCHW",
        ),
        (
            "{x: {image: {resize: Bilinear}}}",
            (spec("x", "UINT8", "N", 6, "W", 3),),
            "inputs.x.image.resize: expected a model with a fixed height and width, got [-1, 6, -1, 3]",
        ),
        (
            f"{{x: {{{PAD}}}}}}}",
            (NUMBERS,),
            "inputs.x.pad.axis: expected a dynamic dimension after the first of [-1, 3]",
        ),
        ("{x: {pad: {axis: 2, buckets: [4]}}}", (WHOLE,), "inputs.x.pad.axis: expected a dynamic dimension"),
        (
            f"{{x: {{{PAD}}}}}}}",
            (spec("x", "FP32", "N", "L", "L"),),
            "inputs.x.pad.axis: expected a dimension that occurs once",
        ),
        (
            f"{{x: {{{PAD}}}}}}}",
            (WHOLE, MASK),
            "inputs.mask.pad: expected it, since 'x' is padded and both have 'L', got nothing",
        ),
        (
            f"{{x: {{{PAD}}}}}, mask: {{pad: {{axis: 1, buckets: [8]}}}}}}",
            (WHOLE, MASK),
            "inputs.mask.pad.buckets: expected those of 'x', [4], since both have the dimension 'L', got [8]",
        ),
        (f"{{x: {{{PAD}, value: 1.5}}}}}}", (WHOLE,), "inputs.x.pad.value: expected a value of INT64, got 1.5"),
        (f"{{x: {{{PAD}, value: .nan}}}}}}", (WHOLE,), "inputs.x.pad.value: expected a value of INT64, got nan"),
        (f"{{x: {{{PAD}, value: a}}}}}}", (WHOLE,), "inputs.x.pad.value: expected a value of INT64, got 'a'"),
        (f"{{x: {{{PAD}, value: 3}}}}}}", (TEXT,), "inputs.x.pad.value: expected a value of BYTES, got 3"),
        (
            f"{{x: {{{PAD}, value: 7.0e+4}}}}}}",
            (spec("x", "FP16", "N", "L"),),
            "inputs.x.pad.value: expected a value of FP16",
        ),
        (
            f"{{x: {{{PAD}, mask: m}}}}}}",
            (WHOLE,),
            "inputs.x.pad.mask: expected another input of the model, of ['x'], got m",
        ),
        (
            f"{{x: {{{PAD}, mask: m}}}}}}",
            (WHOLE, spec("m", "FP32", "N")),
            "inputs.x.pad.mask: expected an input [rows, dynamic]",
        ),
        (
            f"{{x: {{{PAD}, lengths: m}}}}}}",
            (WHOLE, spec("m", "FP32", "N")),
            "inputs.x.pad.lengths: expected an input of integers",
        ),
        (
            "{x: {pad: {axis: 1, buckets: [200], lengths: m}}}",
            (WHOLE, spec("m", "INT8", "N")),
            "inputs.x.pad.lengths: expected an input of integers up to 200, got 'm' of INT8 [-1]",
        ),
        (
            f"{{x: {{{PAD}, mask: mask}}}}, mask: {{}}}}",
            (WHOLE, MASK),
            "inputs.mask: expected no settings, as the server fills it",
        ),
        (
            f"{{x: {{{PAD}, mask: mask, lengths: mask}}}}}}",
            (WHOLE, MASK),
            "inputs.x.pad.mask: expected an input that nothing else",
        ),
        (
            f"{{x: {{{PAD}, outputs: {{z: 1}}}}}}}}",
            (WHOLE,),
            "inputs.x.pad.outputs.z: expected an output of the model, of ['y']",
        ),
        (
            f"{{x: {{{PAD}, outputs: {{y: 5}}}}}}}}",
            (WHOLE,),
            "inputs.x.pad.outputs.y: expected a dynamic dimension of [-1, -1]",
        ),
    ],
)
def test_what_does_not_go_with_the_model(settings: str, inputs: tuple[TensorSpec, ...], words: str) -> None:
    with pytest.raises(Failure) as failed:
        preparation(settings, *inputs, outputs=(spec("y", "FP32", "N", "L"),))
    assert failed.value.reason == Reason.INVALID_CONFIG
    assert words in failed.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cast: Lossy", "inputs.x.cast"),
        ("layout: {from: NHWC, to: NCH}", "inputs.x.layout: Value error, from and to must have the same letters"),
        ("layout: {from: NN, to: NN}", "inputs.x.layout: Value error, from and to must have the same letters"),
        ("check: {min: 2, max: 1}", "inputs.x.check: Value error, min must not be above max"),
        ("check: {min: .nan}", "inputs.x.check.min"),
        ("image: {formats: [GIF]}", "inputs.x.image.formats.0"),
        ("pad: {axis: 0, buckets: [1]}", "inputs.x.pad.axis"),
        ("pad: {axis: 1, buckets: [8, 4]}", "inputs.x.pad: Value error, buckets must ascend, got [8, 4]"),
        ("pad: {axis: 1, buckets: []}", "inputs.x.pad.buckets"),
        ("padding: {}", "inputs.x.padding: no such setting"),
    ],
)
def test_what_no_model_could_want(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "server.yaml"
    path.write_text(f"inputs: {{x: {{{text}}}}}\n")
    with pytest.raises(Failure) as failed:
        server.load(path)
    assert failed.value.reason == Reason.INVALID_CONFIG
    assert words in failed.value.message


def test_one_model_of_a_repository_has_its_own(tmp_path: Path) -> None:
    path = tmp_path / "server.yaml"
    path.write_text("models: {digits: {inputs: {x: {cast: Safe}}}}\n")
    settings = server.load(path)
    assert settings.for_model("digits").inputs["x"].cast == "Safe"
    assert settings.for_model("other").inputs == {}
