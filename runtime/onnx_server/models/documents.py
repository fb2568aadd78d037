"""What a loaded model says of itself, as the protocol's documents; the same for HTTP and gRPC."""

from typing import Any

from onnx_server.models.loaded import Loaded
from onnx_server.models.registry import Registry
from onnx_server.protocol import metadata, model_config, statistics
from onnx_server.protocol.model_config import Batcher, ModelFacts
from onnx_server.settings.version_policy import VersionPolicy

UNLIMITED_ROWS = 2**31 - 1
"""`max_batch_size` of a model whose rows are counted and not limited: the largest int32."""


def describe(registry: Registry, loaded: Loaded) -> dict[str, object]:
    """Return the model metadata: the signature of this version, and all versions that serve."""
    versions = [other.version for other in registry.serving(loaded.name)]
    return metadata.model(loaded.name, versions, loaded.signature)


def statistics_of(registry: Registry, name: str | None, version: str | None) -> dict[str, object]:
    """Return the statistics of a version, of all of a model's, or without a name of all that serve.

    Raises RequestError 404 or 503 as `Registry.find` does.
    """
    if name is None:
        chosen = list(registry)
    else:
        found = registry.find(name, version)
        chosen = [found] if version is not None else list(registry.serving(name))
    return statistics.document((loaded.name, loaded.version, loaded.statistics) for loaded in chosen)


def config(loaded: Loaded) -> dict[str, object]:
    """Return the configuration in Triton's form."""
    settings = loaded.settings
    batcher = Batcher(
        preferred_sizes=tuple(settings.batching.preferred_sizes),
        max_delay=settings.batching.max_delay_microseconds,
        priority_levels=settings.queue.priority_levels,
        queue_size=settings.queue.size,
        default_timeout=settings.queue.default_timeout_milliseconds * 1000,
    )
    facts = ModelFacts(
        name=loaded.name,
        signature=loaded.signature,
        max_batch_size=max_batch_size(loaded),
        version_policy=_triton(settings.version_policy),
        batcher=batcher if loaded.batching.proven else None,
        instances=settings.instances,
        kind="KIND_CPU" if list(loaded.model.active) == ["CPU"] else "KIND_GPU",
        filename=loaded.path.name,
        parameters={"execution_providers": ",".join(loaded.model.active), "batching": loaded.batching.reason},
    )
    return model_config.document(facts)


def max_batch_size(loaded: Loaded) -> int:
    """Return how many rows a request may have, as Triton counts them; 0 where requests have no rows.

    They have none where a dimension is not dynamic, or where rows were seen to act on each other.
    """
    signature, settings = loaded.signature, loaded.settings
    if not signature.inputs or not all(spec.batches for spec in (*signature.inputs, *signature.outputs)):
        return 0
    if not loaded.batching.proven and settings.batching.mode == "Auto":
        return 0
    return settings.max_batch_size or UNLIMITED_ROWS


def _triton(policy: VersionPolicy) -> dict[str, Any]:
    if policy.mode == "All":
        return {"all": {}}
    if policy.mode == "Specific":
        return {"specific": {"versions": sorted(policy.versions)}}
    return {"latest": {"num_versions": policy.latest}}
