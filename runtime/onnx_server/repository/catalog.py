"""A model repository on disk: `NAME/VERSION/model.onnx`, with Triton's rules for names and versions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from onnx_server.failures import Failure, Reason

TRITON_CONFIG = "config.pbtxt"

# As Triton: positive, without leading zeros.
_VERSION = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class ModelFolder:
    """One model: where each version is, ascending; the folders in it that are none; whether Triton's config is there.

    A version's path is what `locate` takes: a file, or a directory that holds a model.
    """

    name: str
    versions: dict[str, Path]
    ignored: tuple[str, ...] = ()
    has_triton_config: bool = False


class Catalog(Protocol):
    """The models that there are to load."""

    def scan(self) -> dict[str, ModelFolder]:
        """Look again and return them by name. Raises Failure NotAnONNXModel where nothing can be read."""


@dataclass(frozen=True)
class SingleModel:
    """One version of one model, at a path of any name."""

    name: str
    version: str
    path: Path

    def scan(self) -> dict[str, ModelFolder]:
        """Return the one model."""
        return {self.name: ModelFolder(self.name, {self.version: self.path})}


@dataclass(frozen=True)
class ModelRepository:
    """All models below a folder."""

    root: Path

    def scan(self) -> dict[str, ModelFolder]:
        """Return the sub-folders that have versions. Raises Failure NotAnONNXModel."""
        folders = (_model_folder(path) for path in _directories(self.root) if _is_name(path.name))
        return {folder.name: folder for folder in folders if folder.versions}

    def other_folders(self) -> list[str]:
        """Return the names of sub-folders that are no models: they have no versions, or a name of no use."""
        models = self.scan()
        return [ascii(path.name) for path in _directories(self.root) if path.name not in models]


def is_version(name: str) -> bool:
    """Whether a folder's name is a version's."""
    return _VERSION.fullmatch(name) is not None


def _model_folder(path: Path) -> ModelFolder:
    below = _directories(path)
    versions = sorted((entry for entry in below if is_version(entry.name)), key=lambda entry: int(entry.name))
    return ModelFolder(
        name=path.name,
        versions={entry.name: entry for entry in versions},
        ignored=tuple(entry.name for entry in below if not is_version(entry.name)),
        has_triton_config=(path / TRITON_CONFIG).is_file(),
    )


def _is_name(name: str) -> bool:
    """Whether a name fits into the protocol's paths and JSON."""
    return name.isprintable() and len(name) <= 253


def _directories(path: Path) -> list[Path]:
    """Return the folders in `path` by name, but those whose name begins with a dot."""
    try:
        entries: Iterable[Path] = sorted(path.iterdir())
    except OSError as error:
        raise Failure(Reason.NOT_AN_ONNX_MODEL, f"cannot read the folder {path}: {error.strerror}") from error
    return [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
