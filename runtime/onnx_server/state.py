"""What the server is and where it stands: loading, ready, draining, closing."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from onnx_server.engine.cpus import Threads
from onnx_server.engine.model import Model
from onnx_server.engine.runner import Runner
from onnx_server.engine.warmup import WarmUp
from onnx_server.settings import ServerSettings


class Phase(StrEnum):
    """LOADING → READY → DRAINING (unready, still serving) → CLOSING (each answer ends its connection)."""

    LOADING = "Loading"
    READY = "Ready"
    DRAINING = "Draining"
    CLOSING = "Closing"


@dataclass(frozen=True)
class Serving:
    """All there is once the model is loaded and warmed up."""

    model: Model
    runner: Runner
    warm_up: WarmUp
    digest: str | None
    load_seconds: float


@dataclass
class State:
    """The one mutable thing of the process; only the event loop changes it."""

    settings: ServerSettings
    model_name: str
    threads: Threads
    pod_uid: str | None
    boot_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    phase: Phase = Phase.LOADING
    serving: Serving | None = None

    @property
    def model_version(self) -> str:
        """The version that answers carry."""
        return self.settings.model.version

    @property
    def ready(self) -> bool:
        """Whether new clients should come."""
        return self.phase == Phase.READY
