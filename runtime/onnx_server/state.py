"""What the server is and where it stands: loading, ready, draining, closing."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from onnx_server.engine.cpus import Threads
from onnx_server.engine.profiles import Profiles
from onnx_server.models.loaded import Loaded
from onnx_server.models.registry import Registry
from onnx_server.settings.server import ServerSettings


class Phase(StrEnum):
    """LOADING → READY → DRAINING (unready, still serving) → CLOSING (each answer ends its connection)."""

    LOADING = "Loading"
    READY = "Ready"
    DRAINING = "Draining"
    CLOSING = "Closing"


@dataclass
class State:
    """The one mutable thing of the process; only the event loop changes it."""

    settings: ServerSettings
    registry: Registry
    threads: Threads
    pod_uid: str | None
    boot_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    phase: Phase = Phase.LOADING
    profiles: Profiles = field(default_factory=Profiles)

    @property
    def ready(self) -> bool:
        """Whether new clients should come."""
        return self.phase == Phase.READY

    @property
    def main(self) -> Loaded | None:
        """The model that the operator asks about: the only one, once it is loaded."""
        return next(iter(self.registry), None)
