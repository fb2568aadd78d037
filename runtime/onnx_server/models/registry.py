"""Which models there are, and which of their versions serve. Only the event loop changes it."""

from collections.abc import Iterator

from onnx_server.models.loaded import Loaded
from onnx_server.protocol.errors import RequestError, unavailable


class Registry:
    """The models by name and version."""

    def __init__(self, name: str, version: str) -> None:
        """Make the registry of a server that serves one version of one model, not loaded yet."""
        self.name = name
        self.version = version
        self._loaded: Loaded | None = None

    def __iter__(self) -> Iterator[Loaded]:
        """Yield what is loaded."""
        if self._loaded is not None:
            yield self._loaded

    def add(self, loaded: Loaded) -> None:
        """Let a version serve."""
        self._loaded = loaded

    def check(self, name: str, version: str | None) -> None:
        """Raise RequestError 404 unless this server has the model `name` (and `version`, if given)."""
        if name != self.name:
            raise RequestError(404, f"unknown model '{name}': this server has '{self.name}'")
        if version is not None and version != self.version:
            raise RequestError(404, f"unknown version '{version}' of model '{name}': there is '{self.version}'")

    def find(self, name: str, version: str | None) -> Loaded:
        """Return the version that answers. Raises RequestError: 404 if there is none, 503 while it is loading."""
        self.check(name, version)
        if self._loaded is None:
            raise unavailable(f"the model '{name}' is loading: try again")
        return self._loaded
