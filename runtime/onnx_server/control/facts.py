"""What the server knows of itself, as docs/contract.md gives it to the operator."""

from onnx_server import __version__
from onnx_server.state import State


def facts(state: State) -> dict[str, object]:
    """Return the document of `GET /v1/facts`. What is known only after loading is null or empty until then."""
    loaded = state.main
    signature = loaded.signature.describe() if loaded else {"inputs": [], "outputs": []}
    return {
        "model": {
            "name": state.registry.name,
            "version": state.registry.version,
            "digest": loaded.digest if loaded else None,
        },
        "ready": state.ready,
        "bootId": state.boot_id,
        "podUid": state.pod_uid,
        "signature": signature,
        "executionProviders": {
            "asked": list(state.settings.execution_providers),
            "active": list(loaded.model.active) if loaded else [],
            "nodes": loaded.model.nodes if loaded else {},
            "assignments": loaded.model.assignments if loaded else {},
            "options": loaded.model.options if loaded else {},
            "graphOptimization": (loaded or state).settings.graph_optimization,
        },
        "warmUp": {
            "source": loaded.warm_up.source,
            "seconds": round(loaded.warm_up.seconds, 6),
            "message": loaded.warm_up.message,
        }
        if loaded
        else None,
        "threads": {"intraOp": state.threads.intra_op, "interOp": state.threads.inter_op},
        "versions": {"server": __version__, "onnxruntime": loaded.model.runtime.__version__ if loaded else None},
    }
