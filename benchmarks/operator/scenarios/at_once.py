"""Many models at once until all are settled, against a writer that only writes the same objects; in turn."""

import asyncio
import json
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmarks.operator.activity import until_quiet
from benchmarks.operator.api import Api, Event
from benchmarks.operator.errors import ScenarioError
from benchmarks.operator.models import LABEL_MODEL, OBJECTS, OWNED, Object, numbered, path
from benchmarks.operator.ownership import applied, owned_fields
from benchmarks.operator.population import PREFIX, check_complete, lead, patience, patiently, settle
from benchmarks.operator.requests import count as count_requests
from benchmarks.operator.sightings import watching
from benchmarks.operator.stage import NAMESPACE, Stage, stage
from benchmarks.operator.usage import between, peak_mib, proportional_mib, snapshot
from tests.cluster.paths import TREE
from tests.cluster.progress import step

MANAGER: Final = "onnx-operator"
CONCURRENCY: Final = 16
"""Requests at a time of the bare writer."""

STILL: Final = 3.0
BEGUN: Final = 8.0
"""Seconds without activity after which an operator has begun: its second list, soon after the first, is no model's."""

T = TypeVar("T")
MANY: Final = 1000
ROUNDS: Final = 3


def name(size: int) -> str:
    """Return what the results of a size are called."""
    return f"at-once {size}"


def play(size: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return the runs of the operator and of the bare writer; sizes above `MANY` are run once."""
    runs: dict[str, list[Object]] = {"operator": [], "bare": []}
    for _ in range(rounds if size <= MANY else 1):
        with step(f"{size} models at once"), stage() as made:
            operated, templates = asyncio.run(_operated(made, size))
        with step(f"the objects of {size} models by the bare writer"), stage() as made:
            written = asyncio.run(_written(made, size, templates))
        runs["operator"].append(operated)
        runs["bare"].append(written)
    return {**runs, "bareConcurrency": CONCURRENCY}


async def _operated(made: Stage, size: int) -> tuple[Object, list[Object]]:
    await lead(made)
    await made.settle_in()
    await until_quiet(made, made.audit.position(), BEGUN)
    async with made.api() as api:
        since, before = made.audit.position(), made.cpu()
        created, settled = await settle(api, size)
        spent = between(before, made.cpu())
        await until_quiet(made, since, STILL)
        await check_complete(api, size)
        asked = count_requests(made.audit.events(since))
        metrics = made.operator.metrics()
        result = {
            "createdAfter": round(created, 2),
            "settledAfter": round(settled, 2),
            "requestsAModel": round(asked.total / size, 2),
            "writesAModel": round(asked.writes.total() / size, 2),
            "requests": asked.as_json(),
            "cpuSeconds": spent,
            "peakMiB": round(peak_mib(made.operator.pid)),
            "proportionalMiB": round(proportional_mib(made.operator.pid)),
            "reconciles": {name: value for name, value in metrics.items() if "reconciles_total" in name},
        }
        return result, await _templates(api)


async def _templates(api: Api) -> list[Object]:
    """Return the objects of the first model as they were applied, in the order of OWNED, without their owner."""
    first = numbered(PREFIX, 1)[0]
    made = []
    for kind in OWNED:
        listed = await api.list(path(kind, NAMESPACE), labelSelector=f"{LABEL_MODEL}={first}")
        head = {"apiVersion": listed["apiVersion"], "kind": kind}
        for item in listed["items"]:
            manifest = applied({**item, **head}, owned_fields(item, MANAGER))
            # An owner in a namespace where there is none would have them collected as garbage.
            manifest["metadata"].pop("ownerReferences")
            made.append({"path": path(kind, NAMESPACE, item["metadata"]["name"]), "manifest": json.dumps(manifest)})
    if len(made) != OBJECTS:
        raise ScenarioError(f"a model should have {OBJECTS} objects, and has {[entry['path'] for entry in made]}")
    return made


async def _written(made: Stage, size: int, templates: list[Object]) -> Object:
    file = made.plane.run.config / "templates.json"
    file.write_text(json.dumps(templates))
    async with (
        made.api() as api,
        watching(api, path("Pod", NAMESPACE), fieldSelector="status.phase=Running") as pods,
        _writer(made.kubeconfig, file, size) as writer,
    ):
        await _said(writer, 60)
        await made.settle_in()
        others = {"bare-writer": writer.pid}
        before = snapshot(made.plane.run, others)
        ready = pods.all(size, _any)
        began = time.monotonic()
        _pipe(writer.stdin).write(b"go\n")
        answer = json.loads(await _said(writer, patience(size)))
        written = time.monotonic()
        await patiently(ready, patience(size), pods, f"{size} pods of the bare writer's objects ready", _any)
        spent = between(before, snapshot(made.plane.run, others))
    return {
        "writtenAfter": round(answer["seconds"], 2),
        # Pods may be ready before the last object that is none of theirs is written.
        "readyAfter": round(max(written, ready.result()) - began, 2),
        "requestsASecond": round(answer["requests"] / answer["seconds"]),
        "cpuSeconds": spent,
    }


def _any(_: Event) -> bool:
    return True


@asynccontextmanager
async def _writer(kubeconfig: Path, templates: Path, size: int) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.operator.bare_writer", str(kubeconfig), str(templates), str(size), str(CONCURRENCY)),
        cwd=TREE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def _said(writer: Process, seconds: float) -> bytes:
    try:
        line = await asyncio.wait_for(_pipe(writer.stdout).readline(), seconds)
    except TimeoutError:
        raise ScenarioError(f"the bare writer has not done its part within {seconds:.0f} s") from None
    if not line:
        raise ScenarioError("the bare writer failed")
    return line


def _pipe(stream: T | None) -> T:
    assert stream is not None
    return stream
