"""The index of the repository, as Triton's model repository extension gives it."""

import asyncio

from onnx_server.models.lifecycle import Lifecycle
from onnx_server.models.registry import Registry, VersionState


async def index(lifecycle: Lifecycle, registry: Registry, *, ready: bool) -> list[dict[str, str]]:
    """Return name, version, state and reason of each version; just the name of models that nobody asked for yet.

    With `ready` only what serves. The repository is looked at again. Raises Failure if it cannot be read.
    """
    records = registry.records()
    names = set(records) if ready else {*records, *await asyncio.to_thread(lifecycle.catalog.scan)}
    entries = []
    for name in sorted(names):
        if name not in records and not ready:
            entries.append({"name": name})
        for record in sorted(records.get(name, []), key=lambda record: (len(record.version), record.version)):
            if record.state == VersionState.READY or not ready:
                fields = {"version": record.version, "state": record.state.value, "reason": record.reason}
                entries.append({"name": name, **{key: value for key, value in fields.items() if value}})
    return entries
