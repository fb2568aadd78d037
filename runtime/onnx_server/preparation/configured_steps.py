"""From an input's settings and the model's signature to its steps; what does not fit is refused at load."""

import importlib
from typing import Any

import numpy as np

from onnx_server.preparation import bfloat16
from onnx_server.preparation.arithmetic import Arithmetic
from onnx_server.preparation.cast import NUMERIC, widens
from onnx_server.preparation.check import ValueCheck
from onnx_server.preparation.image import ENCODED, Decoder
from onnx_server.preparation.refusal import refused
from onnx_server.preparation.steps import Steps
from onnx_server.protocol.datatypes import BY_NAME, Datatype, Tensor
from onnx_server.protocol.signature import TensorSpec
from onnx_server.settings.inputs import ImageSettings, InputSettings, PerChannel

_PIXELS = "NHWC"
_FLOATS = ("FP16", "BF16", "FP32", "FP64")


def steps(settings: InputSettings, model: TensorSpec) -> Steps:
    """Return what `settings` ask for. Raises Failure InvalidConfig that names the field."""
    name = model.name
    _check_kind(settings, model)
    axes, shape = _transposed(settings, model)
    image = None
    datatype = bfloat16.SENT if model.datatype.name == "BF16" else model.datatype
    visible, also = shape, tuple[Datatype, ...]()
    if settings.image is not None:
        image = _decoder(name, settings.image, shape)
        # Without a shape of its own the pixels have as many channels as the images give.
        shape = (*shape[:3], len(settings.image.channels))
        datatype, visible = ENCODED, shape[:1]
    elif settings.cast is not None:
        also = tuple(other for other in NUMERIC if other.name != model.datatype.name)
    shown = {
        "accepts": [datatype.name, *(other.name for other in also)],
        **settings.model_dump(mode="json", by_alias=True, exclude_none=True),
        "model": {"datatype": model.datatype.name, "shape": list(model.shape)},
    }
    return Steps(
        visible=TensorSpec(name, datatype, visible, also=also, parameters={"standardisation": shown}),
        model=model,
        sent={taken.dtype: taken.name for taken in (datatype, *also)},
        image=image,
        check=None if settings.check is None else ValueCheck(name, settings.check),
        arithmetic=_arithmetic(settings, model, shape),
        axes=axes,
    )


def _check_kind(settings: InputSettings, model: TensorSpec) -> None:
    """Refuse what the input's datatype, or its undeclared rank, rules out."""
    datatype = model.datatype.name
    arithmetic = [field for field in ("scale", "mean", "std") if getattr(settings, field) is not None]
    if datatype == "BYTES":
        for field in ("image", "check", "cast", *arithmetic):
            if getattr(settings, field) is not None:
                raise refused(model.name, field, "an input of numbers", "BYTES")
    for field in arithmetic:
        if datatype not in _FLOATS:
            raise refused(model.name, field, f"an input of {', '.join(_FLOATS)}", datatype)
    if settings.image is not None:
        if not widens("UINT8", datatype):
            raise refused(model.name, "image", "an input whose datatype has 0 to 255", datatype)
        if settings.cast is not None:
            raise refused(model.name, "cast", "none, as images are cast without it", settings.cast)
        if settings.layout is not None and settings.layout.from_ != _PIXELS:
            raise refused(model.name, "layout.from", f"{_PIXELS}, which images are decoded to", settings.layout.from_)
        if len(model.shape) != len(_PIXELS):
            raise refused(model.name, "image", "a model that takes 4 dimensions", f"the shape {list(model.shape)}")
    if settings.layout is not None and len(settings.layout.to) != len(model.shape):
        expected = f"{len(settings.layout.to)} dimensions, as {settings.layout.to} has"
        raise refused(model.name, "layout.to", expected, f"the model's shape {list(model.shape)}")


def _transposed(settings: InputSettings, model: TensorSpec) -> tuple[tuple[int, ...] | None, tuple[int, ...]]:
    """Return the axes that make the client's tensor the model's, and the client's shape."""
    if settings.layout is None:
        return None, model.shape
    sent, taken = settings.layout.from_, settings.layout.to
    if sent == taken:
        return None, model.shape
    shape = tuple(model.shape[taken.index(letter)] for letter in sent)
    if sent[0] != taken[0] and -1 in {shape[0], model.shape[0]}:
        # The first dimension counts rows, before and after.
        raise refused(
            model.name, "layout.from", f"{taken[0]} first, since the model's first dimension is dynamic", sent
        )
    return tuple(sent.index(letter) for letter in taken), shape


def _decoder(name: str, settings: ImageSettings, shape: tuple[int, ...]) -> Decoder:
    _, height, width, channels = shape
    if channels not in {-1, len(settings.channels)}:
        expected = f"{channels} of them, as the model's shape {list(shape)} ({_PIXELS}) has"
        raise refused(name, "image.channels", f"{expected} (or set layout)", settings.channels)
    if settings.resize is not None and -1 in {height, width}:
        raise refused(name, "image.resize", "a model with a fixed height and width", f"{list(shape)} ({_PIXELS})")
    return Decoder(name, settings, height, width, _pillow(name))


def _pillow(name: str) -> Any:
    """Import Pillow, which only images need; no request waits for it."""
    try:
        pillow: Any = importlib.import_module("PIL.Image")
    except ImportError as error:
        raise refused(name, "image", "Pillow to be installed (pip install pillow)", error) from error
    pillow.preinit()
    # Its own limit is one for the process, and warns on standard error; ours is image.maxPixels.
    pillow.MAX_IMAGE_PIXELS = None
    return pillow


def _arithmetic(settings: InputSettings, model: TensorSpec, shape: tuple[int, ...]) -> Arithmetic | None:
    if settings.scale is None and settings.mean is None and settings.std is None:
        return None
    precision = "FP64" if model.datatype.name == "FP64" else "FP32"
    scale, mean, std = (
        _constant(model.name, field, value, settings, shape, precision)
        for field, value in (("scale", settings.scale), ("mean", settings.mean), ("std", settings.std))
    )
    if std is not None and not (std > 0).all():
        raise refused(model.name, "std", "numbers above 0", settings.std)
    return Arithmetic(model.name, model.datatype.name, precision, scale, mean, std)


def _constant(
    name: str, field: str, value: PerChannel | None, settings: InputSettings, shape: tuple[int, ...], precision: str
) -> Tensor | None:
    """Return the constant so that it broadcasts over a tensor of the client's shape."""
    if value is None:
        return None
    with np.errstate(over="ignore"):
        constant = np.array(value, dtype=np.float64).astype(BY_NAME[precision].dtype)
    if not np.isfinite(constant).all():
        raise refused(name, field, f"numbers that {precision} has", value)
    if constant.ndim == 0:
        return constant
    axis = _channel_axis(settings)
    size = shape[axis] if axis is not None and axis < len(shape) else -1
    if axis is None or size == -1:
        place = "no C in layout" if axis is None else f"no fixed size in dimension {axis} of {list(shape)}"
        raise refused(name, field, f"one number, since there is {place}", value)
    if size != len(constant):
        expected = f"{size} numbers, as dimension {axis} of {list(shape)} has channels (layout says where else)"
        raise refused(name, field, expected, f"{len(constant)}")
    return constant.reshape(-1, *(1 for _ in shape[axis + 1 :]))


def _channel_axis(settings: InputSettings) -> int | None:
    """Return where clients have the channels: C of the layout, last in images, and else after the rows."""
    if settings.image is not None:
        return _PIXELS.index("C")
    if settings.layout is None:
        return 1
    axis = settings.layout.from_.find("C")
    return None if axis == -1 else axis
