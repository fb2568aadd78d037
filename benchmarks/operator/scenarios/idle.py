"""One model at a time, with nothing else to do: from its creation to its objects, and until it is Ready."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from benchmarks.operator.api import Api, Event
from benchmarks.operator.models import LABEL_MODEL, MODEL, OWNED, model, numbered, path
from benchmarks.operator.population import is_settled, patiently
from benchmarks.operator.sightings import Sightings, quiet, watching
from benchmarks.operator.stage import NAMESPACE, Stage
from benchmarks.quantiles import milliseconds, spread

ROUNDS: Final = 3
SAMPLES: Final = 100
WARM_UP: Final = 5
PATIENCE: Final = 60.0

CHILDREN: Final = {kind: 2 if kind in {"ConfigMap", "Service"} else 1 for kind in OWNED}
"""How many objects of a kind a settled model has."""

Samples = dict[str, list[float]]


async def play(stage: Stage) -> dict[str, Any]:
    """Return milliseconds from sending the request that creates a model, by what was seen then."""
    rounds: list[Samples] = []
    async with stage.api() as api, AsyncExitStack() as watches:
        seen = {
            kind: await watches.enter_async_context(watching(api, path(kind, NAMESPACE))) for kind in (MODEL, *OWNED)
        }
        for name in numbered("warm", WARM_UP):
            await _one(api, seen, name)
        for number in range(ROUNDS):
            found: Samples = defaultdict(list)
            for name in numbered(f"idle{number}", SAMPLES):
                for what, seconds in (await _one(api, seen, name)).items():
                    found[what].append(seconds)
            rounds.append(found)
    return {"times": {what: _summary([found[what] for found in rounds]) for what in rounds[0]}}


async def _one(api: Api, seen: Mapping[str, Sightings], name: str) -> dict[str, float]:
    await quiet(seen)
    created = {kind: seen[kind].all(count, _belongs_to(name)) for kind, count in CHILDREN.items()}
    settled = seen[MODEL].once(name, is_settled)
    began = time.monotonic()
    await api.create(path(MODEL, NAMESPACE), model(name))
    await patiently(settled, PATIENCE, seen[MODEL], f"{name} settled")
    times = {kind: await asyncio.wait_for(first, PATIENCE) - began for kind, first in created.items()}
    return {**times, "all objects": max(times.values()), "Ready": settled.result() - began}


def _belongs_to(name: str) -> Callable[[Event], bool]:
    def check(event: Event) -> bool:
        return bool(event.object["metadata"].get("labels", {}).get(LABEL_MODEL) == name)

    return check


def _summary(rounds: list[list[float]]) -> dict[str, Any]:
    found = [milliseconds(samples) for samples in rounds]
    pooled = milliseconds([sample for samples in rounds for sample in samples])
    return {**pooled, "rounds": {name: spread([f[name] for f in found]) for name in ("p50", "p99")}}
