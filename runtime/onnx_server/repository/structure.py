"""What `serve` was given: one model, or a model repository."""

from pathlib import Path

from onnx_server.failures import Failure, Reason
from onnx_server.repository import catalog, digest, record
from onnx_server.repository.catalog import ModelRepository

EXPECTED = "expected a model file, a directory that holds one, or a model repository of NAME/VERSION/model.onnx"


def is_repository(path: Path, *, may_be_empty: bool) -> bool:
    """Tell by what lies in `path`. Raises Failure NotAnONNXModel where it is neither, or could be both.

    A file is one model, and so is what `fetch` brought, whatever it is made of. A folder without any model is a
    repository only if it `may_be_empty`.
    """
    if not path.is_dir() or record.read(path) is not None:
        return False
    models = sorted(name for name in digest.files_below(path) if name.endswith(".onnx"))
    own = [name for name in models if "/" not in name]
    of_repository = [name for name in models if _is_of_repository(name)]
    if own and of_repository:
        message = (
            f"{path} has a model of its own ({own[0]}) and models of a repository ({of_repository[0]}): name the file "
            "to serve the one, or take it out of the folder to serve the others"
        )
        raise Failure(Reason.NOT_AN_ONNX_MODEL, message)
    if own or of_repository:
        return bool(of_repository)
    versions = sorted({name.split("/")[0] for name in models if catalog.is_version(name.split("/")[0])}, key=int)
    if len(versions) > 1:
        message = (
            f"{path} holds versions of one model ({', '.join(versions[:5])}): serve the folder above it, which is the "
            f"repository, or one version such as {path / versions[-1]}"
        )
        raise Failure(Reason.NOT_AN_ONNX_MODEL, message)
    if not models and not may_be_empty:
        of_others = ModelRepository(path).scan()
        hint = f"; the versions of {', '.join(list(of_others)[:5])} hold no .onnx file" if of_others else ""
        raise Failure(Reason.NOT_AN_ONNX_MODEL, f"there is no file that ends in .onnx in {path}{hint}: {EXPECTED}")
    return not models


def _is_of_repository(name: str) -> bool:
    parts = name.split("/")
    return len(parts) >= 3 and catalog.is_version(parts[1]) and not parts[0].startswith(".")
