"""What the benchmark has to know of a server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from benchmarks.server.process import Command


class Server(Protocol):
    """One server: how it is installed and started, and what it lacks. It listens where `places` says."""

    @property
    def name(self) -> str:
        """What `--servers` and results call it."""

    @property
    def about(self) -> str:
        """The settings that matter for one core, in words."""

    def install(self) -> None:
        """Make it ready to be started; cheap when it already is."""

    def version(self) -> str:
        """Return the version that is measured."""

    def lacks(self) -> Mapping[str, str]:
        """Return the ways that it does not speak, and why that is said."""

    def command(self, model: str, file: Path, folder: Path) -> Command:
        """Return how to start it with a model under this name; `folder` is for its files."""
