"""The operator is stopped and started while all models are settled: what it costs until it is quiet again."""

import asyncio
import time
from typing import Any, Final

from benchmarks.operator.activity import until_quiet
from benchmarks.operator.models import MODEL, path
from benchmarks.operator.population import is_settled
from benchmarks.operator.requests import count
from benchmarks.operator.sightings import watching
from benchmarks.operator.stage import NAMESPACE, Stage
from benchmarks.operator.usage import peak_mib, proportional_mib
from benchmarks.quantiles import spread

ROUNDS: Final = 3
STILL: Final = 15.0
"""Seconds without activity after which the operator counts as quiet: longer than its delayed second list."""


async def play(stage: Stage) -> dict[str, Any]:
    """Return the runs, and their spread."""
    runs = [await _restart(stage) for _ in range(ROUNDS)]
    numbers = ("quietAfter", "cpuSeconds", "peakMiB", "proportionalMiB", "writes", "reads")
    return {"runs": runs, "spread": {name: spread([run[name] for run in runs]) for name in numbers}}


async def _restart(stage: Stage) -> dict[str, Any]:
    await asyncio.to_thread(stage.operator.stop)
    since = stage.audit.position()
    began = time.monotonic()
    operator = stage.start_operator()
    quiet = await until_quiet(stage, since, STILL)
    asked = count(stage.audit.events(since))
    async with stage.api() as api, watching(api, path(MODEL, NAMESPACE)) as models:
        settled = models.holding(is_settled)
    return {
        "quietAfter": round(quiet.at - began, 1),
        "cpuSeconds": round(quiet.cpu["operator"].seconds, 2),
        "peakMiB": round(peak_mib(operator.pid)),
        "proportionalMiB": round(proportional_mib(operator.pid)),
        "writes": asked.writes.total(),
        "reads": asked.reads.total(),
        "requests": asked.as_json(),
        "settled": settled,
    }
