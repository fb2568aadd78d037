"""What the server knows of itself, as docs/contract.md gives it to the operator."""

from onnx_server import __version__
from onnx_server.models.loaded import Loaded
from onnx_server.state import State


def facts(state: State) -> dict[str, object]:
    """Return the document of `GET /v1/facts`. What is known only after loading is null or empty until then.

    Of a repository all that is of one model is null or empty, and `models` has what serves.
    """
    single, loaded = state.lifecycle.single, state.main
    signature = loaded.signature.describe() if loaded else {"inputs": [], "outputs": []}
    several = {"models": [_model(each) for each in state.registry]} if single is None else {}
    runtime = next((each.model.runtime.__version__ for each in state.registry), None)
    return {
        "model": {
            "name": single.name if single else None,
            "version": single.version if single else None,
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
        "warmUp": _warm_up(loaded) if loaded else None,
        "golden": _golden(loaded) if loaded else None,
        "threads": {"intraOp": state.threads.intra_op, "interOp": state.threads.inter_op},
        "versions": {"server": __version__, "onnxruntime": runtime},
        **several,
    }


def _model(loaded: Loaded) -> dict[str, object]:
    return {
        "name": loaded.name,
        "version": loaded.version,
        "digest": loaded.digest,
        "signature": loaded.signature.describe(),
        "executionProviders": {
            "asked": list(loaded.settings.execution_providers),
            "active": list(loaded.model.active),
            "nodes": loaded.model.nodes,
        },
        "warmUp": _warm_up(loaded),
        "golden": _golden(loaded),
    }


def _warm_up(loaded: Loaded) -> dict[str, object]:
    warmed = loaded.warm_up
    return {"source": warmed.source, "seconds": round(warmed.seconds, 6), "message": warmed.message}


def _golden(loaded: Loaded) -> dict[str, object] | None:
    return loaded.golden_verdict.describe() if loaded.golden_verdict else None
