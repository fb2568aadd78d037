"""One version of a model that is loaded and warmed up: all that answers requests to it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from onnx_server.engine.model import Model
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.warmup import WarmUp
from onnx_server.preparation.preparation import Preparation
from onnx_server.protocol.signature import Signature
from onnx_server.settings.model import ModelSettings


@dataclass(frozen=True, eq=False)
class Loaded:
    """`path` is the model's file; `digest` is that of all that was fetched, with prefix, None where nothing was.

    `preparation` makes of a client's inputs what the model takes; None where these are the same.
    """

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
    preparation: Preparation | None = None

    @cached_property
    def signature(self) -> Signature:
        """What clients see and requests are held to."""
        return self.model.signature if self.preparation is None else self.preparation.signature
