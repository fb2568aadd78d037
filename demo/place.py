"""What a cluster has to give for the demo to play on it; `local_place.py` and `current_place.py` do."""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from .client import Endpoint
from .narration import Narrator
from .shell import Shell
from .store import Store

PLUGINS: Final = str(Path(sys.executable).parent)
"""Where `kubectl onnx` is installed: kubectl finds its plugins on the PATH."""


@dataclass(frozen=True)
class Images:
    """The images as pods name them: repositories and a tag; `build` changes whenever what is in them may have."""

    operator: str
    server: str
    tag: str
    build: str


class Place(Protocol):
    """A cluster to play on; `down_line` is the command that takes all of it down."""

    down_line: str

    def environment(self) -> Mapping[str, str]:
        """Return KUBECONFIG and PATH, where they differ from those of the person at the terminal."""

    def up(self, narrator: Narrator, shell: Shell) -> None:
        """Bring the cluster up, or see that it is there."""

    def images(self, narrator: Narrator, shell: Shell) -> Images:
        """Build the images and bring them to where the cluster finds them."""

    def store(self, narrator: Narrator) -> Store:
        """Return the bucket for the models, reachable from here and from the pods."""

    def endpoint(self, shell: Shell) -> AbstractContextManager[Endpoint]:
        """Make the model's entry Service reachable from here while the block runs."""
