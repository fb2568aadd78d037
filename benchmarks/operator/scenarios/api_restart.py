"""The API server is restarted while all models are settled: when a new model is Ready, and what it costs."""

import asyncio
import time
from typing import Any, Final

from benchmarks.operator.activity import until_quiet
from benchmarks.operator.models import MODEL, model, path
from benchmarks.operator.population import is_settled, patiently
from benchmarks.operator.requests import count
from benchmarks.operator.sightings import watching
from benchmarks.operator.stage import NAMESPACE, Stage
from benchmarks.operator.usage import between, peak_mib

STILL: Final = 15.0
PATIENCE: Final = 180.0
PROBE: Final = "probe"
ELSEWHERE: Final = "default"
"""The namespace of the model that is made then, so that its requests can be told from those about the others."""


async def play(stage: Stage) -> dict[str, Any]:
    """Return seconds since the API server was ready again, and what was asked and used since it stopped."""
    since, before = stage.audit.position(), stage.cpu()
    stopped = time.monotonic()
    await asyncio.to_thread(stage.plane.restart_api_server)
    back = time.monotonic()
    async with (
        stage.api() as api,
        watching(api, path(MODEL, NAMESPACE)) as models,
        watching(api, path(MODEL, ELSEWHERE)) as probes,
    ):
        settled = probes.once(PROBE, is_settled)
        await api.create(path(MODEL, ELSEWHERE), model(PROBE))
        ready = await patiently(settled, PATIENCE, probes, "a model that was made after the restart settled")
        quiet = await until_quiet(stage, since, STILL)
        held = models.holding(is_settled)
    events = stage.audit.events(since)
    asked = count(event for event in events if event.get("objectRef", {}).get("namespace") != ELSEWHERE)
    return {
        "away": round(back - stopped, 1),
        "newModelReadyAfter": round(ready - back, 1),
        "quietAfter": round(quiet.at - back, 1),
        "cpuSeconds": between(before, quiet.cpu),
        "requests": asked.as_json(),
        "peakMiB": round(peak_mib(stage.operator.pid)),
        "settled": held,
    }
