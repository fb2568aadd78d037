"""Find the model that `serve` was told to serve, and the digest under which `fetch` verified it."""

from dataclasses import dataclass
from pathlib import Path

from onnx_server.failures import Failure, Reason
from onnx_server.repository import digest, modelfile, record
from onnx_server.repository.modelfile import ModelHeader
from onnx_server.repository.record import FetchRecord


@dataclass(frozen=True)
class LocatedModel:
    """The model's file, its header, and of what was fetched the digest (with prefix) and the files.

    Both are None without a record; with one only those files are to be read.
    """

    path: Path
    header: ModelHeader
    digest: str | None
    files: frozenset[Path] | None = None


def locate(model: Path) -> LocatedModel:
    """Find the model at `model`, a file or a directory. Raises Failure NotAnONNXModel."""
    if model.is_dir():
        kept = record.read(model)
        # With a record only verified files count, whatever else lies in the directory.
        relative = kept.model if kept is not None else modelfile.choose(digest.files_below(model), str(model))
        return _located(model / relative, kept, model)
    kept = record.read(model.parent)
    verified = kept is not None and model.name == kept.model
    return _located(model, kept if verified else None, model.parent)


def _located(path: Path, kept: FetchRecord | None, directory: Path) -> LocatedModel:
    files = None if kept is None else frozenset(directory / name for name in kept.files)
    try:
        header = modelfile.read_header(path, str(path))
        return LocatedModel(path, header, None if kept is None else kept.digest, files)
    except OSError as error:
        message = f"there is no model at {path}: {error.strerror}"
        raise Failure(Reason.NOT_AN_ONNX_MODEL, message) from error
