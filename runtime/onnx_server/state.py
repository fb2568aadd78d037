"""What the server is and where it stands: loading, ready, draining, closing."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from onnx_server.engine.cpus import Threads
from onnx_server.engine.profiles import Profiles
from onnx_server.memory import Memory, free_bytes
from onnx_server.models.lifecycle import Lifecycle
from onnx_server.models.loaded import Loaded
from onnx_server.models.registry import Registry
from onnx_server.settings.server import ServerSettings
from onnx_server.telemetry.observer import Observer
from onnx_server.traffic.mirror.chosen import Chosen
from onnx_server.traffic.traffic import Traffic


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
    lifecycle: Lifecycle
    threads: Threads
    pod_uid: str | None
    controlled: bool
    """Whether clients may load and unload models."""
    boot_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    phase: Phase = Phase.LOADING
    profiles: Profiles = field(default_factory=Profiles)
    memory: Memory = field(default_factory=Memory)
    observer: Observer | None = None
    open_connections: Callable[[], int] = lambda: 0
    """How many connections of clients there are, idle ones too."""
    traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        self.registry.on_serve.append(self._watch)
        single = self.lifecycle.single
        # The operator names a revision so; of other models nothing is ever forwarded.
        revision = f"{single.name}-{single.version}" if single is not None else ""
        mirror = Chosen(revision.encode(), free_bytes)
        self.traffic = Traffic(revision, model=lambda: self.main, mirror=mirror)

    def _watch(self, loaded: Loaded) -> None:
        self.memory.begin()
        loaded.statistics.watch = self.memory.ran

    @property
    def ready(self) -> bool:
        """Whether new clients should come."""
        return self.phase == Phase.READY and not self.lifecycle.missing()

    @property
    def draining(self) -> bool:
        """Whether the server is about to end: it serves on, and new clients should not come."""
        return self.phase in {Phase.DRAINING, Phase.CLOSING}

    @property
    def leaving(self) -> bool:
        """Whether each answer ends its connection, so that clients find other pods."""
        return self.phase == Phase.CLOSING or self.traffic.hand_over

    @property
    def unready(self) -> str:
        """Why the server is not ready, in a few words."""
        missing = self.lifecycle.missing() if self.phase in {Phase.LOADING, Phase.READY} else []
        if self.phase == Phase.READY:
            return "; ".join(missing)
        return self.phase.value.lower() + (f": {'; '.join(missing)}" if missing else "")

    @property
    def main(self) -> Loaded | None:
        """The model that the operator asks about, once it is loaded: that of a server that has no repository."""
        return next(iter(self.registry), None) if self.lifecycle.single is not None else None
