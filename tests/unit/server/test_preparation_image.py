"""JPEG and PNG in BYTES elements: pixels as Pillow has them, and a typed 400 for everything else."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.signature import TensorSpec
from tests.unit.server.preparing import preparation, spec

MODEL = spec("x", "UINT8", "N", 6, 8, 3)
PIXELS = np.random.default_rng(2).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def encoded(pixels: Tensor, kind: str = "PNG", mode: str | None = None) -> bytes:
    image, into = Image.fromarray(pixels), io.BytesIO()
    (image if mode is None else image.convert(mode)).save(into, kind)
    return into.getvalue()


def elements(*images: bytes | str) -> Tensor:
    array = np.empty(len(images), dtype=object)
    array[:] = images
    return array


def decoded(settings: str, model: TensorSpec, *images: bytes | str) -> Tensor:
    return preparation(f"{{x: {{image: {settings}}}}}", model).apply({"x": elements(*images)}).inputs["x"]


def refused(settings: str, model: TensorSpec, *images: bytes | str) -> str:
    with pytest.raises(RequestError) as error:
        decoded(settings, model, *images)
    assert error.value.status == 400
    return error.value.message


def empty_png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that says how large it is, whatever that is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def test_rows_are_the_elements() -> None:
    other = PIXELS[::-1].copy()
    result = decoded("{}", MODEL, encoded(PIXELS), encoded(other), encoded(PIXELS))
    np.testing.assert_array_equal(result, np.stack([PIXELS, other, PIXELS]))


def test_in_json_they_are_base64() -> None:
    result = decoded("{}", MODEL, base64.b64encode(encoded(PIXELS)).decode())
    np.testing.assert_array_equal(result, PIXELS[np.newaxis])
    assert "input 'x': element 1 is not base64" in refused(
        "{}", MODEL, base64.b64encode(encoded(PIXELS)).decode(), "é!"
    )


def test_channels_in_the_models_order() -> None:
    np.testing.assert_array_equal(decoded("{channels: BGR}", MODEL, encoded(PIXELS))[0], PIXELS[:, :, ::-1])
    grey = decoded("{channels: L}", spec("x", "UINT8", "N", 6, 8, 1), encoded(PIXELS))
    np.testing.assert_array_equal(grey[0, :, :, 0], np.asarray(Image.fromarray(PIXELS).convert("L")))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_kinds_of_png(mode: str) -> None:
    result = decoded("{}", MODEL, encoded(PIXELS, mode=mode))
    np.testing.assert_array_equal(result[0], np.asarray(Image.fromarray(PIXELS).convert(mode).convert("RGB")))


def test_jpeg_scaled_resized_and_transposed() -> None:
    large = np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    jpeg = encoded(large, "JPEG")
    settings = "{x: {image: {resize: Bilinear}, scale: 0.5, std: [1, 2, 3], layout: {from: NHWC, to: NCHW}}}"
    ours = preparation(settings, spec("x", "FP32", "N", 3, 6, 8))
    resized = Image.open(io.BytesIO(jpeg)).resize((8, 6), Image.Resampling.BILINEAR)
    expected = np.asarray(resized).astype(np.float32) * np.float32(0.5) / np.array([1, 2, 3], np.float32)
    np.testing.assert_array_equal(ours.apply({"x": elements(jpeg)}).inputs["x"][0], expected.transpose(2, 0, 1))
    seen = ours.signature.inputs[0]
    assert (seen.datatype.name, seen.datatype.opaque, seen.shape) == ("BYTES", True, (-1,))


def test_a_model_of_any_size_takes_images_of_one_size_a_request() -> None:
    free = spec("x", "FP16", "N", "H", "W", 3)
    small = PIXELS[:2, :2].copy()
    assert decoded("{}", free, encoded(small)).shape == (1, 2, 2, 3)
    assert decoded("{}", free, encoded(PIXELS)).dtype == np.float16
    message = refused("{}", free, encoded(PIXELS), encoded(PIXELS), encoded(small))
    assert message == "input 'x': element 2 is 2 x 2, and element 0 is 8 x 6 (width x height): send them apart"


def test_no_images() -> None:
    assert decoded("{}", MODEL).shape == (0, 6, 8, 3)


@pytest.mark.parametrize("cut", [0, 10, 40, 120])
def test_broken_data_is_named(cut: int) -> None:
    for kind in ("PNG", "JPEG"):
        broken = encoded(PIXELS, kind)[:cut]
        assert "input 'x': element 1 is " in refused("{}", MODEL, encoded(PIXELS), broken)


def test_formats_that_are_not_asked_for() -> None:
    assert "element 0 is no image of the formats PNG" in refused("{formats: [PNG]}", MODEL, encoded(PIXELS, "JPEG"))
    assert "element 0 is no image of the formats JPEG, PNG" in refused("{}", MODEL, encoded(PIXELS, "BMP"))
    assert "element 0 is no image" in refused("{}", MODEL, b"GIF89a")


def test_a_size_that_does_not_fit() -> None:
    message = refused("{}", MODEL, encoded(PIXELS), encoded(PIXELS[:5].copy()))
    assert "element 1 is 8 x 5, and the model takes 8 x 6 (width x height): resize it, or set image.resize" in message


def test_sixteen_bits_a_channel_are_refused_not_cut_off() -> None:
    deep = np.full((6, 8), 40_000, dtype=np.uint16)
    assert "element 0 has the pixels I;16: send 8 bits" in refused("{}", MODEL, encoded(deep))


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    bomb = empty_png(60_000, 60_000)
    assert len(bomb) < 1000
    for settings in ("{}", "{resize: Bilinear}"):
        message = refused(settings, MODEL, bomb)
        assert "element 0 is 60000 x 60000, which makes 3600000000 pixels" in message
        assert "image.maxPixels is 50000000" in message


def test_the_pixels_of_a_request_are_bounded_together_before_and_after_resizing() -> None:
    one = encoded(PIXELS)
    assert decoded("{maxPixels: 96}", MODEL, one, one).shape[0] == 2
    assert "element 2 is 8 x 6, which makes 144 pixels" in refused("{maxPixels: 96}", MODEL, one, one, one)
    dot = encoded(PIXELS[:1, :1].copy())
    assert "element 2 is 1 x 1, which makes 144" in refused("{maxPixels: 96, resize: Bilinear}", MODEL, dot, dot, dot)


@pytest.mark.parametrize("position", range(8, 200, 7))
def test_damage_anywhere_is_an_answer(position: int) -> None:
    for kind in ("PNG", "JPEG"):
        data = bytearray(encoded(PIXELS, kind))
        data[position % len(data)] ^= 0xFF
        if (message := damaged(bytes(data))) is not None:
            assert "input 'x': element 0 " in message


def damaged(data: bytes) -> str | None:
    """Return what a client hears of damaged data, or None where it can be read all the same."""
    try:
        pixels = decoded("{}", MODEL, data)
    except RequestError as error:
        return error.message
    return None if pixels.shape == (1, 6, 8, 3) else f"pixels of {pixels.shape}"
