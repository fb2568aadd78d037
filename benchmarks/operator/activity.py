"""When the operator has nothing to do any more: no request but watches and the Lease's, and hardly any CPU."""

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from benchmarks.operator.errors import ScenarioError
from benchmarks.operator.requests import is_work
from benchmarks.operator.stage import Stage
from benchmarks.operator.usage import Used
from benchmarks.proc import cpu_seconds

BUSY: Final = 0.1
"""Share of a core that counts as activity."""

WINDOW: Final = 0.5
INTERVAL: Final = 0.1
PATIENCE: Final = 300.0


@dataclass(frozen=True)
class Quiet:
    """When the operator was active last (monotonic seconds), and what all processes had used by then."""

    at: float
    cpu: dict[str, Used]


async def until_quiet(stage: Stage, since: int, still: float) -> Quiet:
    """Return when the operator has been quiet for `still` seconds, since a position in the audit log at the earliest.

    Raises:
        ScenarioError: it is active all the time.
    """
    began = time.monotonic()
    last = Quiet(began, stage.cpu())
    samples: deque[tuple[float, float]] = deque()
    with stage.plane.audit_log.open("rb") as log:
        log.seek(since)
        rest = b""
        while (now := time.monotonic()) - last.at < still:
            stage.check()
            *lines, rest = (rest + log.read()).split(b"\n")
            samples.append((now, cpu_seconds(stage.operator.pid)))
            while samples[0][0] < now - WINDOW:
                samples.popleft()
            elapsed, used = now - samples[0][0], samples[-1][1] - samples[0][1]
            busy = elapsed > WINDOW / 2 and used / elapsed > BUSY
            if busy or any(is_work(json.loads(line)) for line in lines):
                last = Quiet(now, stage.cpu())
            if now - began > PATIENCE:
                raise ScenarioError(f"the operator is still active after {PATIENCE:.0f} s")
            await asyncio.sleep(INTERVAL)
    return last
