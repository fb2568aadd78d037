"""Nothing happens: what the operator asks and uses all the same."""

import asyncio
import time
from typing import Any, Final

from benchmarks.operator.activity import until_quiet
from benchmarks.operator.requests import count
from benchmarks.operator.stage import Stage
from benchmarks.operator.usage import between, peak_mib, proportional_mib

MINUTES: Final = 2
STILL: Final = 15.0


async def play(stage: Stage) -> dict[str, Any]:
    """Return requests and CPU seconds a minute, and memory."""
    await until_quiet(stage, stage.audit.position(), STILL)
    before, since, began = stage.cpu(), stage.audit.position(), time.monotonic()
    await asyncio.sleep(60 * MINUTES)
    minutes = (time.monotonic() - began) / 60
    cpu = between(before, stage.cpu())
    asked = count(stage.audit.events(since))
    stage.check()
    return {
        "minutes": round(minutes, 2),
        "requests": asked.as_json(),
        "cpuSecondsAMinute": {name: round(seconds / minutes, 2) for name, seconds in cpu.items()},
        "peakMiB": round(peak_mib(stage.operator.pid)),
        "proportionalMiB": round(proportional_mib(stage.operator.pid)),
    }
