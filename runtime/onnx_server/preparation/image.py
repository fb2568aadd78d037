"""Encoded images to pixels."""

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnx_server.protocol.datatypes import Datatype, Tensor
from onnx_server.protocol.errors import RequestError, bad_request
from onnx_server.settings.inputs import ImageSettings

ENCODED = Datatype("BYTES", np.dtype(object), "string", opaque=True)
"""Images as clients send them: bytes in binary data, base64 in JSON."""

# What has 8 bits a channel or less; conversion from the others cuts values off.
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


@dataclass(frozen=True)
class Decoder:
    """Decodes input `name`. `height` and `width` are the model's, -1 where it takes any; `pillow` is PIL.Image."""

    name: str
    settings: ImageSettings
    height: int
    width: int
    pillow: Any

    def __call__(self, encoded: Tensor) -> NDArray[np.uint8]:
        """Return the pixels, UINT8 [N, H, W, C], of N elements. Raises RequestError 400 that names the element."""
        pictures = [self._open(index, element) for index, element in enumerate(encoded.ravel())]
        self._bound(pictures)
        shape = (max(self.height, 0), max(self.width, 0), len(self.settings.channels))
        pixels: NDArray[np.uint8] = np.empty((0, *shape), dtype=np.uint8)
        for index, picture in enumerate(pictures):
            image = self._pixels(index, picture)
            if index == 0:
                pixels = np.empty((len(pictures), *image.shape), dtype=np.uint8)
            elif image.shape != pixels.shape[1:]:
                message = f"is {_size(image)}, and element 0 is {_size(pixels[0])} (width x height): send them apart"
                raise self._refused(index, message)
            pixels[index] = image
        return pixels

    def _bound(self, pictures: list[Any]) -> None:
        """Refuse a request that would take too much memory, before it takes any."""
        resized = self.height * self.width if self.settings.resize is not None else 0
        total = 0
        for index, picture in enumerate(pictures):
            total += max(picture.width * picture.height, resized)
            if total > self.settings.max_pixels:
                message = f"is {picture.width} x {picture.height}, which makes {total} pixels in the request"
                raise self._refused(index, f"{message}: image.maxPixels is {self.settings.max_pixels}")

    def _open(self, index: int, element: str | bytes) -> Any:
        """Read the header only: the size is known before anything is unpacked."""
        if isinstance(element, str):
            try:
                element = base64.b64decode(element, validate=True)
            except (binascii.Error, ValueError) as error:
                raise self._refused(index, f"is not base64, as images are in JSON: {error}") from error
        try:
            return self.pillow.open(io.BytesIO(element), formats=self.settings.formats)
        except Exception as error:  # Pillow's decoders raise whatever broken data makes them raise
            message = f"is no image of the formats {', '.join(self.settings.formats)}"
            raise self._refused(index, f"{message} ({len(element)} bytes)") from error

    def _pixels(self, index: int, picture: Any) -> NDArray[np.uint8]:
        if picture.mode not in _MODES:
            raise self._refused(index, f"has the pixels {picture.mode}: send 8 bits for each channel")
        try:
            converted = picture.convert("L" if self.settings.channels == "L" else "RGB")
        except Exception as error:  # as above
            raise self._refused(index, f"is a broken image: {error}") from error
        if self.settings.resize is not None:
            converted = converted.resize((self.width, self.height), self.pillow.Resampling.BILINEAR)
        elif self.width not in {-1, converted.width} or self.height not in {-1, converted.height}:
            wanted = " x ".join("any" if size == -1 else str(size) for size in (self.width, self.height))
            message = f"is {converted.width} x {converted.height}, and the model takes {wanted} (width x height)"
            raise self._refused(index, f"{message}: resize it, or set image.resize")
        pixels: NDArray[np.uint8] = np.asarray(converted)
        if self.settings.channels == "L":
            return pixels[:, :, np.newaxis]
        return pixels[:, :, ::-1] if self.settings.channels == "BGR" else pixels

    def _refused(self, index: int, why: str) -> RequestError:
        return bad_request(f"input '{self.name}': element {index} {why}")


def _size(pixels: NDArray[np.uint8]) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
