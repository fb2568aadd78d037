"""The protocol's metadata documents: of the server, and of a model."""

from collections.abc import Sequence

from onnx_server import __version__
from onnx_server.protocol.signature import Signature

SERVER_NAME = "onnx-server"
PLATFORM = "onnxruntime_onnx"
EXTENSIONS = (
    "model_repository",
    "model_repository(unload_dependents)",
    "model_configuration",
    "binary_tensor_data",
    "parameters",
    "statistics",
)


def server() -> dict[str, object]:
    """Return name, version and extensions of the server."""
    return {"name": SERVER_NAME, "version": __version__, "extensions": list(EXTENSIONS)}


def model(name: str, versions: Sequence[str], signature: Signature) -> dict[str, object]:
    """Return what a client has to know of a model; `versions` are all that serve, ascending."""
    return {"name": name, "versions": list(versions), "platform": PLATFORM, **signature.describe()}
