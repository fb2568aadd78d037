"""One version of a model that is loaded and warmed up: all that answers requests to it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from onnx_server.engine.batchability import Batchability
from onnx_server.engine.cache import ResponseCache
from onnx_server.engine.golden import GoldenSet, Verdict
from onnx_server.engine.model import Model
from onnx_server.engine.profiling import Profiler
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.warmup import WarmUp
from onnx_server.preparation.preparation import Preparation
from onnx_server.protocol.decoder import Decoder
from onnx_server.protocol.signature import Signature
from onnx_server.settings.model import ModelSettings


@dataclass(frozen=True, eq=False)
class Loaded:
    """`model` is the first of its sessions, `path` the model's file.

    `digest` is that of all that was fetched, with prefix, None where nothing was. `preparation` makes of a client's
    inputs what the model takes; None where these are the same. `golden` has the inputs of its test data, as the model
    takes them, and `golden_verdict` what came of running it; None where there is none.
    """

    name: str
    version: str
    path: Path
    model: Model
    settings: ModelSettings
    scheduler: Scheduler
    statistics: ModelStatistics = field(repr=False)
    warm_up: WarmUp
    batching: Batchability
    digest: str | None
    load_seconds: float
    profiler: Profiler = field(repr=False)
    preparation: Preparation | None = None
    cache: ResponseCache | None = None
    golden: tuple[GoldenSet, ...] = field(default=(), repr=False)
    golden_verdict: Verdict | None = None

    @cached_property
    def decoder(self) -> Decoder:
        """What decodes requests over HTTP."""
        return Decoder(self.signature, self.settings.max_batch_size)

    @cached_property
    def default_timeout(self) -> float:
        """How many seconds a request that names no timeout may wait; 0 for ever."""
        return self.settings.queue.default_timeout_milliseconds / 1e3

    @cached_property
    def signature(self) -> Signature:
        """What clients see and requests are held to."""
        return self.model.signature if self.preparation is None else self.preparation.signature
