"""Inputs as clients have them, against a real server by unmodified clients: images, casts, padding, checks."""

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
from onnx import TensorProto
from PIL import Image
from tritonclient.utils import InferenceServerException

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, environment, serve_fails, serving

MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
IMAGES = """
inputs:
  x:
    image: {resize: Bilinear, maxPixels: 100000}
    scale: 0.00392156862745098
    mean: [0.485, 0.456, 0.406]
    std: [0.229, 0.224, 0.225]
    layout: {from: NHWC, to: NCHW}
"""
CASTS = "inputs: {x: {cast: Safe, check: {finite: true, min: -100}}}"
PADDING = "inputs: {ids: {pad: {axis: 1, buckets: [4, 16], mask: mask}}}"


@contextmanager
def configured(model: Path, settings: str, tmp_path: Path) -> Iterator[ServerProcess]:
    config = tmp_path / "server.yaml"
    config.write_text(settings)
    with serving(model, "--config", config, tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("images")
    model = onnx_models.identity(tmp_path / "m.onnx", TensorProto.FLOAT, ["N", 3, 16, 12])
    with configured(model, IMAGES, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def casts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("casts")
    with configured(
        onnx_models.identity(tmp_path / "m.onnx", TensorProto.FLOAT16, ["N", 2]), CASTS, tmp_path
    ) as running:
        yield running


@pytest.fixture(scope="module")
def padding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("padding")
    with configured(onnx_models.tokens(tmp_path / "m.onnx"), PADDING, tmp_path) as running:
        yield running


def client(server: ServerProcess) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(f"127.0.0.1:{server.http_port}")


def infer(server: ServerProcess, name: str, datatype: str, array: Any, *, binary: bool = True) -> triton.InferResult:
    tensor = triton.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    with client(server) as connected:
        return connected.infer("m", [tensor])


def refused(server: ServerProcess, name: str, datatype: str, array: Any) -> str:
    with pytest.raises(InferenceServerException) as error:
        infer(server, name, datatype, array)
    assert error.value.status() == "400"
    return str(error.value.message())


def metadata(server: ServerProcess) -> dict[str, Any]:
    with client(server) as connected:
        return dict(connected.get_model_metadata("m"))


def picture(width: int, height: int, kind: str = "JPEG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    into = io.BytesIO()
    Image.fromarray(pixels).save(into, kind)
    return into.getvalue()


def pipeline(*pictures: bytes) -> Any:
    """What users of the model do on their own machines."""
    rows = []
    for data in pictures:
        image = Image.open(io.BytesIO(data)).convert("RGB").resize((12, 16), Image.Resampling.BILINEAR)
        rows.append(((np.asarray(image).astype(np.float32) * np.float32(1 / 255)) - MEAN) / STD)
    return np.stack(rows).transpose(0, 3, 1, 2)


def test_images_give_what_a_local_pipeline_gives(images: ServerProcess) -> None:
    pictures = [picture(40, 30), picture(12, 16, "PNG", 1), picture(200, 100, seed=2)]
    result = infer(images, "x", "BYTES", np.array(pictures, dtype=object))
    np.testing.assert_array_equal(result.as_numpy("y"), pipeline(*pictures))


def test_rows_of_images_are_counted(images: ServerProcess) -> None:
    def rows() -> int:
        with client(images) as connected:
            return int(connected.get_inference_statistics("m")["model_stats"][0]["inference_count"])

    before = rows()
    infer(images, "x", "BYTES", np.array([picture(20, 20)] * 3, dtype=object))
    assert rows() == before + 3


def test_images_in_json_and_as_a_raw_body(images: ServerProcess) -> None:
    data = picture(40, 30)
    url = f"{images.url}/v2/models/m/infer"
    entry = {"name": "x", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(data).decode()]}
    answer = httpx.post(url, json={"inputs": [entry]})
    values = np.array(answer.json()["outputs"][0]["data"], dtype=np.float32)
    np.testing.assert_array_equal(values.reshape(1, 3, 16, 12), pipeline(data))
    raw = httpx.post(url, content=data, headers={"Inference-Header-Content-Length": "0"})
    assert raw.status_code == 200
    length = int(raw.headers["inference-header-content-length"])
    np.testing.assert_array_equal(np.frombuffer(raw.content[length:], "<f4").reshape(1, 3, 16, 12), pipeline(data))


def test_a_bad_image_is_named_and_hurts_nobody(images: ServerProcess) -> None:
    good = picture(40, 30)
    assert "input 'x': element 1 is no image" in refused(images, "x", "BYTES", np.array([good, b"\xff\xd8\xff no"]))
    assert "element 0 is a broken image" in refused(images, "x", "BYTES", np.array([good[:-600]], dtype=object))
    large = np.array([good, picture(400, 400)], dtype=object)
    assert "element 1 is 400 x 400" in (message := refused(images, "x", "BYTES", large))
    assert "image.maxPixels is 100000" in message
    assert "the model takes BYTES, got FP32" in refused(images, "x", "FP32", np.zeros((1,), np.float32))
    np.testing.assert_array_equal(
        infer(images, "x", "BYTES", np.array([good], dtype=object)).as_numpy("y"), pipeline(good)
    )


def test_metadata_shows_images(images: ServerProcess) -> None:
    (seen,) = metadata(images)["inputs"]
    assert (seen["name"], seen["datatype"], seen["shape"]) == ("x", "BYTES", [-1])
    shown = seen["parameters"]["standardisation"]
    assert shown["accepts"] == ["BYTES"]
    assert shown["image"] == {
        "formats": ["JPEG", "PNG"],
        "channels": "RGB",
        "resize": "Bilinear",
        "maxPixels": 100000,
    }
    assert shown["mean"] == [0.485, 0.456, 0.406]
    assert shown["layout"] == {"from": "NHWC", "to": "NCHW"}
    assert shown["model"] == {"datatype": "FP32", "shape": [-1, 3, 16, 12]}


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("FP16", np.float16),
        ("BF16", ml_dtypes.bfloat16),
        ("FP32", np.float32),
        ("FP64", np.float64),
        ("INT64", np.int64),
        ("UINT8", np.uint8),
        ("BOOL", np.bool_),
    ],
)
def test_other_datatypes_are_taken_if_no_value_changes(casts: ServerProcess, datatype: str, dtype: Any) -> None:
    values = np.array([[0, 1], [1, 0]], dtype=dtype)
    y = infer(casts, "x", datatype, values).as_numpy("y")
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y, values.astype(np.float16))


def test_a_model_of_half_precision_takes_json(casts: ServerProcess) -> None:
    entry = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [0.5, -2.25]}
    outputs = {"outputs": [{"name": "y", "parameters": {"binary_data": True}}]}
    answer = httpx.post(f"{casts.url}/v2/models/m/infer", json={"inputs": [entry], **outputs})
    assert answer.status_code == 200, answer.text
    assert np.frombuffer(answer.content[-4:], "<f2").tolist() == [0.5, -2.25]


def test_a_value_that_a_cast_would_change_is_named(casts: ServerProcess) -> None:
    values = np.array([[0.5, 1], [2, 0.1]], dtype=np.float32)
    assert "input 'x': element [1, 1] is 0.1 (FP32), which FP16 does not have" in refused(casts, "x", "FP32", values)
    assert "element [0, 1] is 2049 (INT64)" in refused(casts, "x", "INT64", np.array([[1, 2049]]))
    assert "the model takes FP16, got BYTES" in refused(casts, "x", "BYTES", np.array([[b"1", b"2"]]))


def test_a_check_names_input_element_value_and_limit(casts: ServerProcess) -> None:
    assert "input 'x': element [0, 1] is nan, but check.finite" in refused(
        casts, "x", "FP16", np.array([[1, np.nan]], dtype=np.float16)
    )
    assert "input 'x': element [1, 0] is -101.0, but check.min is -100" in refused(
        casts, "x", "FP64", np.array([[1, 2], [-101.0, 0]])
    )


def test_a_check_alone_changes_nothing_else(tmp_path: Path) -> None:
    settings = "inputs: {x: {check: {max: 10}}}"
    with configured(onnx_models.linear(tmp_path / "m.onnx"), settings, tmp_path) as running:
        rows = np.random.default_rng(0).random((2, 64), dtype=np.float32)
        y = infer(running, "x", "FP32", rows, binary=False).as_numpy("y")
        np.testing.assert_allclose(y, rows @ onnx_models.WEIGHTS, rtol=1e-5)
        rows[1, 3] = 11
        assert "input 'x': element [1, 3] is 11.0, but check.max is 10" in refused(running, "x", "FP32", rows)
        assert "the model takes FP32, got FP64" in refused(running, "x", "FP64", rows.astype(np.float64))


def test_metadata_shows_casts(casts: ServerProcess) -> None:
    (seen,) = metadata(casts)["inputs"]
    assert (seen["datatype"], seen["shape"]) == ("FP16", [-1, 2])
    shown = seen["parameters"]["standardisation"]
    assert set(shown["accepts"]) >= {"FP16", "BF16", "FP32", "FP64", "INT64", "BOOL"}
    assert "BYTES" not in shown["accepts"]
    assert shown["check"] == {"finite": True, "min": -100}


def test_ragged_requests_are_padded_and_cut_back(padding: ServerProcess) -> None:
    def one(size: int) -> tuple[int, triton.InferResult]:
        return size, infer(padding, "ids", "INT64", np.arange(1, 2 * size + 1, dtype=np.int64).reshape(2, size))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(one, [1, 2, 3, 4, 5, 9, 16] * 5))
    for size, result in answers:
        ids = np.arange(1, 2 * size + 1).reshape(2, size)
        np.testing.assert_array_equal(result.as_numpy("hidden"), ids)
        np.testing.assert_array_equal(result.as_numpy("total"), ids.sum(axis=1))
        assert result.as_numpy("width").tolist() == [4 if size <= 4 else 16] * 2


def test_longer_than_the_last_bucket(padding: ServerProcess) -> None:
    message = refused(padding, "ids", "INT64", np.ones((1, 17), dtype=np.int64))
    assert "input 'ids' has 17 in dimension 1, and the largest of pad.buckets is 16" in message


def test_metadata_shows_padding_and_not_the_mask(padding: ServerProcess) -> None:
    seen = metadata(padding)
    assert [entry["name"] for entry in seen["inputs"]] == ["ids"]
    assert seen["inputs"][0]["shape"] == [-1, -1]
    shown = seen["inputs"][0]["parameters"]["standardisation"]["pad"]
    assert (shown["axis"], shown["buckets"], shown["mask"]) == (1, [4, 16], "mask")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("inputs: {z: {cast: Safe}}", "inputs.z: expected an input of the model, of ['x'], got 'z'"),
        ("inputs: {x: {mean: [1, 2]}}", "inputs.x.mean: expected 64 numbers, as dimension 1 of [-1, 64] has channels"),
        (
            "inputs: {x: {image: {}}}",
            "inputs.x.image: expected a model that takes 4 dimensions, got the shape [-1, 64]",
        ),
        ("inputs: {x: {cast: Lossy}}", "inputs.x.cast: Input should be 'Safe', got 'Lossy'"),
    ],
)
def test_settings_that_do_not_fit_end_the_server(settings: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(settings)
    model = onnx_models.linear(tmp_path / "m.onnx")
    ended = serve_fails(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path)
    assert ended.status == 1
    assert ended.message["reason"] == "InvalidConfig"
    assert words in ended.message["message"]


def test_only_images_bring_pillow_into_the_process() -> None:
    code = "import sys, json, onnx_server.serve; print(json.dumps([name for name in sys.modules if name[:3] == 'PIL']))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
