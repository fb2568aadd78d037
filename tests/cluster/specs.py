"""What a daemon is before it runs: its command line, its files, and how to tell that it is ready."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .certificates import Pair


@dataclass(frozen=True)
class Health:
    """An HTTPS URL that answers 200 once the daemon is ready, the CA to check it by, and who asks."""

    url: str
    ca: Path | None = None
    client: Pair | None = None


@dataclass(frozen=True)
class Spec:
    """A daemon to start.

    `files` are written before it starts; without `health` a daemon counts as ready once it runs, or its `socket`
    takes connections.
    """

    name: str
    command: tuple[str, ...]
    files: Mapping[Path, str] = field(default_factory=dict)
    health: Health | None = None
    socket: Path | None = None


def flags(**values: str | Path | int) -> tuple[str, ...]:
    """Return Go-style flags: `bind_address="x"` becomes `--bind-address=x`."""
    return tuple(f"--{name.replace('_', '-')}={value}" for name, value in values.items())
