"""One version of a model that is loaded and warmed up: all that answers requests to it."""

from dataclasses import dataclass, field

from onnx_server.engine.batchability import Batchability
from onnx_server.engine.model import Model
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.warmup import WarmUp
from onnx_server.protocol.signature import Signature
from onnx_server.settings.model import ModelSettings


@dataclass(frozen=True, eq=False)
class Loaded:
    """`model` is the first of its sessions. `digest` is that of all that was fetched; None if nothing was."""

    name: str
    version: str
    model: Model
    settings: ModelSettings
    scheduler: Scheduler
    statistics: ModelStatistics = field(repr=False)
    warm_up: WarmUp
    batching: Batchability
    digest: str | None
    load_seconds: float

    @property
    def signature(self) -> Signature:
        """What requests are held to."""
        return self.model.signature
