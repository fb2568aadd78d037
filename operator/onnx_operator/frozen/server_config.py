"""The server's configuration file, as docs/contract.md has it."""

from typing import Any

from onnx_operator.api.spec import Spec


def server_config(model: str, revision: str, spec: Spec, drain_seconds: int) -> dict[str, Any]:
    """Return ``server.yaml`` as a dict. ``model.version`` is the revision's hash, so an answer names its revision."""
    config: dict[str, Any] = {
        "model": {"name": model, "version": revision.removeprefix(f"{model}-")},
        "executionProviders": list(spec.server.executionProviders),
        "drainSeconds": drain_seconds,
    }
    if spec.server.maxBatchSize is not None:
        config["maxBatchSize"] = spec.server.maxBatchSize
    return config
