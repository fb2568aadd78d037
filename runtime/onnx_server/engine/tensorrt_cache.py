"""Where TensorRT's built engines are kept: a directory for what they depend on, all of it.

ONNX Runtime's own names of engine files leave the weights out: one directory for two models would give wrong answers.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from onnx_server.engine.gpu import Gpu
from onnx_server.failures import Failure, Reason
from onnx_server.repository import digest
from onnx_server.repository.external import external_files
from onnx_server.repository.locate import LocatedModel
from onnx_server.settings.providers import TensorRtOptions


@dataclass(frozen=True)
class EngineKey:
    """What a built engine depends on. `options` are ONNX Runtime's names and values, shape profiles among them."""

    model_sha256: str
    onnxruntime: str
    tensorrt: str
    cuda: str
    compute_capability: str
    options: Mapping[str, str]

    def directory(self) -> str:
        """Return a directory's name: 64 hex digits, the same only where all of this is the same."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def model_sha256(located: LocatedModel) -> str:
    """Return the SHA-256, 64 hex digits, of all bytes of the model: of what was fetched, else of the files it names."""
    if located.digest is not None:
        return located.digest.removeprefix("sha256:")
    files = [located.path, *external_files(located.path)]
    return digest.of_listing({str(file.relative_to(located.path.parent)): digest.of_file(file) for file in files})


def cache_options(
    options: TensorRtOptions, written: Mapping[str, str], located: LocatedModel, onnxruntime: str, gpu: Gpu
) -> dict[str, str]:
    """Return ONNX Runtime's options for the engine cache, whose directory is made. {} where none is asked for.

    Raises Failure InvalidConfig if it cannot be made.
    """
    if options.engine_cache is None:
        return {}
    key = EngineKey(model_sha256(located), onnxruntime, gpu.tensorrt, gpu.cuda, gpu.compute_capability, dict(written))
    directory = Path(options.engine_cache.path) / key.directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"providerOptions.TensorRT.engineCache.path: cannot make {directory}: {error.strerror}"
        raise Failure(Reason.INVALID_CONFIG, message) from error
    cache = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(directory)}
    if options.timing_cache:
        cache |= {"trt_timing_cache_enable": "1", "trt_timing_cache_path": str(directory)}
    return cache
