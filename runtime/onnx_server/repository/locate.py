"""Find the model that `serve` was told to serve, and the digest under which `fetch` verified it."""

from dataclasses import dataclass
from pathlib import Path

from onnx_server.failures import Failure, Reason
from onnx_server.repository import digest, modelfile, record
from onnx_server.repository.modelfile import ModelHeader


@dataclass(frozen=True)
class LocatedModel:
    """The model's file, its header, and the digest (with prefix) of all that was fetched; None without a record."""

    path: Path
    header: ModelHeader
    digest: str | None


def locate(model: Path) -> LocatedModel:
    """Find the model at `model`, a file or a directory. Raises Failure NotAnONNXModel."""
    if model.is_dir():
        kept = record.read(model)
        # With a record only verified files count, whatever else lies in the directory.
        relative = kept.model if kept is not None else modelfile.choose(digest.files_below(model), str(model))
        return _located(model / relative, kept.digest if kept is not None else None)
    kept = record.read(model.parent)
    verified = kept is not None and model.name == kept.model
    return _located(model, kept.digest if kept is not None and verified else None)


def _located(path: Path, verified: str | None) -> LocatedModel:
    try:
        return LocatedModel(path, modelfile.read_header(path, str(path)), verified)
    except OSError as error:
        message = f"there is no model at {path}: {error.strerror}"
        raise Failure(Reason.NOT_AN_ONNX_MODEL, message) from error
