"""What the server knows of itself, as docs/contract.md gives it to the operator."""

from onnx_server import __version__
from onnx_server.state import State


def facts(state: State) -> dict[str, object]:
    """Return the document of `GET /v1/facts`. What is known only after loading is null or empty until then."""
    serving = state.serving
    signature = serving.model.signature.describe() if serving else {"inputs": [], "outputs": []}
    return {
        "model": {
            "name": state.model_name,
            "version": state.model_version,
            "digest": serving.digest if serving else None,
        },
        "ready": state.ready,
        "bootId": state.boot_id,
        "podUid": state.pod_uid,
        "signature": signature,
        "executionProviders": {
            "asked": list(state.settings.execution_providers),
            "active": list(serving.model.active) if serving else [],
            "nodes": serving.model.nodes if serving else {},
        },
        "warmUp": {
            "source": serving.warm_up.source,
            "seconds": round(serving.warm_up.seconds, 6),
            "message": serving.warm_up.message,
        }
        if serving
        else None,
        "threads": {"intraOp": state.threads.intra_op, "interOp": state.threads.inter_op},
        "versions": {"server": __version__, "onnxruntime": serving.model.runtime.__version__ if serving else None},
    }
