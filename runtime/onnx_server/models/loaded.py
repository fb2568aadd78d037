"""One version of a model that is loaded and warmed up: all that answers requests to it."""

from dataclasses import dataclass, field
from pathlib import Path

from onnx_server.engine.cache import ResponseCache
from onnx_server.engine.model import Model
from onnx_server.engine.profiling import Profiler
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.warmup import WarmUp
from onnx_server.protocol.signature import Signature
from onnx_server.settings.model import ModelSettings


@dataclass(frozen=True, eq=False)
class Loaded:
    """`path` is the model's file; `digest` is that of all that was fetched, with prefix, None where nothing was."""

    name: str
    version: str
    path: Path
    model: Model
    settings: ModelSettings
    scheduler: Scheduler
    statistics: ModelStatistics = field(repr=False)
    warm_up: WarmUp
    digest: str | None
    load_seconds: float
    profiler: Profiler = field(repr=False)
    cache: ResponseCache | None = None

    @property
    def signature(self) -> Signature:
        """What requests are held to."""
        return self.model.signature
