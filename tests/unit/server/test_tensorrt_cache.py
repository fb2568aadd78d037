"""The directory of TensorRT's engines: another one for anything that an engine depends on."""

from dataclasses import replace
from pathlib import Path

import pytest

from onnx_server.engine.gpu import Gpu
from onnx_server.engine.tensorrt_cache import EngineKey, cache_options, model_sha256
from onnx_server.failures import Failure, Reason
from onnx_server.repository.locate import LocatedModel
from onnx_server.repository.modelfile import ModelHeader
from onnx_server.settings.providers import TensorRtOptions
from tests.contract import onnx_models

KEY = EngineKey("ab" * 32, "1.31.0", "101300", "13000", "9.0", {"trt_fp16_enable": "1", "device_id": "0"})
GPU = Gpu("9.0", "13000", "101300")


def located(path: Path, digest: str | None = None) -> LocatedModel:
    return LocatedModel(path, ModelHeader(8, {"": 17}), digest)


def asked_for(path: Path, **options: bool) -> TensorRtOptions:
    return TensorRtOptions.model_validate({"engineCache": {"path": str(path)}, **options})


def test_anything_that_differs_is_another_directory() -> None:
    others = [
        replace(KEY, model_sha256="cd" * 32),
        replace(KEY, onnxruntime="1.32.0"),
        replace(KEY, tensorrt="101400"),
        replace(KEY, cuda="13010"),
        replace(KEY, compute_capability="8.9"),
        replace(KEY, options={"trt_fp16_enable": "0", "device_id": "0"}),
        replace(KEY, options={**KEY.options, "trt_profile_max_shapes": "x:32x64"}),
    ]
    names = {key.directory() for key in (KEY, *others)}
    assert len(names) == 1 + len(others)


def test_the_same_is_the_same_in_another_process() -> None:
    again = replace(KEY, options={"device_id": "0", "trt_fp16_enable": "1"})
    assert again.directory() == KEY.directory()
    assert KEY.directory() == "b7ff148720a1892d54b792196012375c5586f23354fbdb9afc67f5eb2cadfc15"


def test_the_models_bytes_are_all_of_them(tmp_path: Path) -> None:
    model, weights = onnx_models.linear(tmp_path / "m.onnx", external="weights.bin"), tmp_path / "weights.bin"
    first = model_sha256(located(model))
    (tmp_path / "server.log").write_bytes(b"1")
    assert model_sha256(located(model)) == first
    weights.write_bytes(weights.read_bytes()[::-1])
    assert model_sha256(located(model)) != first
    assert model_sha256(located(tmp_path / "m.onnx", "sha256:" + "0" * 64)) == "0" * 64


def test_engines_and_timings_lie_below_the_configured_directory(tmp_path: Path) -> None:
    model = located(tmp_path / "m.onnx", "sha256:" + "0" * 64)
    options = asked_for(tmp_path / "engines", timingCache=True)
    given = cache_options(options, {"trt_fp16_enable": "1"}, model, "1.31.0", GPU)
    assert given["trt_engine_cache_enable"] == given["trt_timing_cache_enable"] == "1"
    directory = Path(given["trt_engine_cache_path"])
    assert given["trt_timing_cache_path"] == str(directory)
    assert directory.is_dir()
    assert directory.parent == tmp_path / "engines"
    other = cache_options(options, {"trt_fp16_enable": "0"}, model, "1.31.0", GPU)
    assert other["trt_engine_cache_path"] != str(directory)
    assert cache_options(TensorRtOptions(), {}, model, "1.31.0", GPU) == {}


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = asked_for(tmp_path / "file")
    with pytest.raises(Failure, match=r"providerOptions\.TensorRT\.engineCache\.path: cannot make") as failed:
        cache_options(options, {}, located(tmp_path / "m.onnx", "sha256:00"), "1.31.0", GPU)
    assert failed.value.reason == Reason.INVALID_CONFIG
