"""What a model wants of an image: layout, channels, size and range, read off its signature. Pure."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from onnx_operator.kubectl.problems import ProblemError

Object = dict[str, Any]
Layout = Literal["NCHW", "NHWC", "CHW", "HWC", "NHW", "flat"]

CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
FLOATS = ("FP32", "FP64")
REMEDY = "Prepare the tensor yourself and send it with --json."


@dataclass(frozen=True)
class ImageInput:
    """How an image becomes a model's input.

    ``mode`` is Pillow's: L, RGB or RGBA. ``width`` and ``height`` are in pixels, None where the model takes any.
    ``brightest`` is the value of a full pixel.
    """

    tensor: Object
    layout: Layout
    mode: str
    width: int | None
    height: int | None
    brightest: float

    def shape(self, width: int, height: int) -> list[int]:
        """Return the tensor's shape for an image of this size."""
        channels = len(self.mode)
        return {
            "NCHW": [1, channels, height, width],
            "NHWC": [1, height, width, channels],
            "CHW": [channels, height, width],
            "HWC": [height, width, channels],
            "NHW": [1, height, width],
            "flat": [1, height * width],
        }[self.layout]

    def numbers(self, planes: list[bytes]) -> list[float] | list[int]:
        """Return the elements in row-major order, from one byte a pixel and channel, a plane each."""
        if self.layout in {"NHWC", "HWC"}:
            pixels = [byte for pixel in zip(*planes, strict=True) for byte in pixel]
        else:
            pixels = [byte for plane in planes for byte in plane]
        if self.tensor["datatype"] == "UINT8":
            return pixels
        scale = [round(value * self.brightest / 255, 7) for value in range(256)]
        return [scale[byte] for byte in pixels]


def image_input(signature: Object, brightest: float | None = None) -> ImageInput:
    """Return how an image becomes the model's input. ``brightest`` overrides 1.0 for floats.

    Raises:
        ProblemError: the signature does not say that the model takes one image.
    """
    if len(signature["inputs"]) != 1:
        raise ProblemError(f"The model has {len(signature['inputs'])} inputs, and an image is one.", REMEDY)
    tensor = signature["inputs"][0]
    if tensor["datatype"] not in {*FLOATS, "UINT8"}:
        raise ProblemError(f"Input {tensor['name']!r} is {tensor['datatype']}: no image's pixels are.", REMEDY)
    layout, channels, height, width = _read(tensor)
    full = 255.0 if tensor["datatype"] == "UINT8" else brightest or 1.0
    return ImageInput(tensor, layout, CHANNELS[channels], _size(width), _size(height), full)


def _read(tensor: Object) -> tuple[Layout, int, int, int]:
    """Return layout, channels, height and width; -1 where any goes."""
    match tensor["shape"]:
        case [_, int(channels), height, width] if channels in CHANNELS:
            return "NCHW", channels, height, width
        case [_, height, width, int(channels)] if channels in CHANNELS:
            return "NHWC", channels, height, width
        case [int(channels), height, width] if channels in CHANNELS:
            return "CHW", channels, height, width
        case [height, width, int(channels)] if channels in CHANNELS:
            return "HWC", channels, height, width
        case [_, height, width]:
            return "NHW", 1, height, width
        case [_, int(pixels)] if pixels > 1 and math.isqrt(pixels) ** 2 == pixels:
            return "flat", 1, math.isqrt(pixels), math.isqrt(pixels)
    raise ProblemError(
        f"Input {tensor['name']!r} has the shape {tensor['shape']}: that is no image in NCHW or NHWC with 1, 3 or 4 "
        "channels, and no square in a row.",
        REMEDY,
    )


def _size(value: int) -> int | None:
    return value if value > 0 else None
