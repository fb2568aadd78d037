"""An image file as a model's input, and a sentence that says what was done to it."""

from pathlib import Path
from typing import Any

from onnx_operator.kubectl.layout import ImageInput
from onnx_operator.kubectl.payload import tensor_of
from onnx_operator.kubectl.problems import ProblemError

LARGEST = 4096  # pixels on a side, where the model takes any size


def picture_tensor(path: Path, wanted: ImageInput) -> tuple[dict[str, Any], str]:
    """Return the request's input that holds an image, and what was done to the image.

    Raises:
        ProblemError: it is no image, or Pillow is not installed.
    """
    try:
        from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  (an extra: only pictures need it)
    except ImportError as error:
        raise ProblemError(
            "Reading images needs Pillow, which is not installed.", "pip install 'onnx-operator[image]'"
        ) from error
    try:
        with Image.open(path) as opened:
            given, original = f"{opened.width}x{opened.height} {opened.mode}", opened.size
            size = (wanted.width or min(original[0], LARGEST), wanted.height or min(original[1], LARGEST))
            picture = opened.convert(wanted.mode)
    except UnidentifiedImageError as error:
        raise ProblemError(f"{path} is no image that Pillow knows.") from error
    except OSError as error:
        raise ProblemError(f"{path} cannot be read: {error}") from error
    if size != original:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    planes = [channel.tobytes() for channel in picture.split()]
    shape = wanted.shape(*size)
    return tensor_of(wanted.tensor, shape, wanted.numbers(planes)), _told(path, given, wanted, size, size != original)


def _told(path: Path, given: str, wanted: ImageInput, size: tuple[int, int], resized: bool) -> str:
    done = f"stretched to {size[0]}x{size[1]} (bilinear)" if resized else "kept at its size"
    layout = "a row of pixels" if wanted.layout == "flat" else wanted.layout
    values = f"{wanted.tensor['datatype']} from 0 to {wanted.brightest:g}"
    return f"{path.name}: {given}, {done}, {wanted.mode}, {layout}, {values}; not standardised by mean or deviation."
