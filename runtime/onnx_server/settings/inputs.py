"""Settings of one input as clients have it: how it becomes what the model takes. All off by default."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from onnx_server.settings.base import Strict

Number = Annotated[int | float, Field(ge=-1e308, le=1e308)]
"""A finite number that a double holds."""

PerChannel = Number | Annotated[list[Number], Field(min_length=1)]
Axes = Annotated[str, Field(pattern=r"^[A-Z]{1,8}$")]


class ImageSettings(Strict):
    """BYTES elements, each an encoded image, become one UINT8 tensor of the axes NHWC."""

    formats: list[Literal["JPEG", "PNG"]] = Field(
        default=["JPEG", "PNG"], min_length=1, description="Formats that are taken."
    )
    channels: Literal["RGB", "BGR", "L"] = Field(
        default="RGB", description="Channels and their order; L is one of luminance."
    )
    resize: Literal["Bilinear"] | None = Field(
        default=None, description="Resize to the model's height and width. Left out: the size must fit."
    )
    max_pixels: int = Field(
        default=50_000_000,
        ge=1,
        description="Pixels that the images of one request may have together, before resizing. More are refused.",
    )


class CheckSettings(Strict):
    """A gate on the values as the client sent them. NaN lies in no range."""

    finite: bool = Field(default=False, description="Refuse NaN and infinities.")
    min: Number | None = Field(default=None, description="Smallest value that is taken.")
    max: Number | None = Field(default=None, description="Largest value that is taken.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            msg = f"min must not be above max, got {self.min} and {self.max}"
            raise ValueError(msg)
        return self


class LayoutSettings(Strict):
    """The axes of a tensor by letters, such as NHWC: as clients send it and as the model takes it."""

    from_: Axes = Field(alias="from", description="The axes as clients send them.")
    to: Axes = Field(description="The same axes as the model takes them. N counts rows, C are the channels.")

    @model_validator(mode="after")
    def _same_axes(self) -> Self:
        if sorted(self.from_) != sorted(self.to) or len(set(self.to)) != len(self.to):
            msg = f"from and to must have the same letters, each once, got {self.from_} and {self.to}"
            raise ValueError(msg)
        return self


class PadSettings(Strict):
    """A dynamic dimension is filled up to the next bucket, so that requests share shapes and run together."""

    axis: int = Field(ge=1, description="The dimension, of the shape that the model takes; 0, the rows, is not padded.")
    buckets: list[Annotated[int, Field(ge=1)]] = Field(
        min_length=1, description="Sizes, ascending. What is longer than the last is refused."
    )
    value: bool | int | float | str = Field(
        default=0, description="What it is filled with, in the model's terms; of strings the default is the empty one."
    )
    mask: str | None = Field(
        default=None,
        description="An input of the model, [rows, size], that the server fills: 1 where the client's values are.",
    )
    lengths: str | None = Field(
        default=None, description="An input of the model, [rows], that the server fills with the size before padding."
    )
    outputs: dict[str, int] = Field(
        default={},
        description="Outputs and the dimension to cut back, where the model gives it another name than the input's.",
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.buckets != sorted(set(self.buckets)):
            msg = f"buckets must ascend, got {self.buckets}"
            raise ValueError(msg)
        return self


class InputSettings(Strict):
    """What is done to one input before the model, in this order: image, check, cast, scale, mean, std, layout, pad."""

    image: ImageSettings | None = Field(default=None, description="Take encoded images as BYTES.")
    check: CheckSettings | None = Field(default=None, description="Refuse values with 400.")
    cast: Literal["Safe"] | None = Field(
        default=None,
        description="Take other numeric datatypes too: where the datatype is wider than what was sent, and else if "
        "each value survives the cast unchanged.",
    )
    scale: PerChannel | None = Field(default=None, description="Factor. A list has one for each channel.")
    mean: PerChannel | None = Field(default=None, description="Taken away after scale.")
    std: PerChannel | None = Field(default=None, description="Divides, after mean.")
    layout: LayoutSettings | None = Field(default=None, description="Transpose.")
    pad: PadSettings | None = Field(default=None, description="Pad to buckets.")
