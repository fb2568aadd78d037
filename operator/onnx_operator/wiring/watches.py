"""The watches of the namespaces that are served: one Transport at a time, another one when these are others."""

import dataclasses
from collections.abc import Callable

from onnx_operator.settings import Settings
from onnx_operator.wiring.transport import Inbox, Transport


class Watches:
    """See Transport for ``inbox`` and ``on_begin``."""

    def __init__(self, settings: Settings, inbox: Inbox, on_begin: Callable[[], None]) -> None:
        self._settings, self._inbox, self._on_begin = settings, inbox, on_begin
        self._transport: Transport | None = None

    def begin(self, namespaces: tuple[str, ...]) -> None:
        """Watch these namespaces (none: the whole cluster), from the beginning also where they are watched already."""
        if self._transport is None or namespaces != self._settings.namespaces:
            if self._transport is not None:
                self._transport.stop(0.0)  # it ends by itself; what it still tells is as true as what the next one does
            self._settings = dataclasses.replace(self._settings, namespaces=namespaces)
            self._transport = Transport(self._settings, self._inbox, self._on_begin)
        self._transport.start()

    def stop(self, timeout: float) -> None:
        """Stop watching; wait at most ``timeout`` seconds."""
        if self._transport is not None:
            self._transport.stop(timeout)

    def is_watching(self) -> bool:
        """Return whether the watches were begun, and nothing has ended them since."""
        return self._transport is not None and self._transport.is_watching()

    def is_alive(self) -> bool:
        """Return whether the watching thread runs, if it should."""
        return self._transport is None or self._transport.is_alive()
