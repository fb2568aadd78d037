"""What the debug endpoint tells of a model, over real HTTP."""

import asyncio
from typing import Any

import aiohttp

from onnx_operator.cache import Cache, Key
from onnx_operator.decide.judgement import Judgement
from onnx_operator.engine.journal import Entry, Journal
from onnx_operator.engine.queue import Queue
from onnx_operator.evidence import Worst
from onnx_operator.metrics import Metrics, Rollout
from onnx_operator.wiring.endpoints import debug_routes
from tests.unit.operator.one_model import KEY
from tests.unit.operator.other_servers import serving

Object = dict[str, Any]


def told(metrics: Metrics) -> Object:
    journal = Journal()
    journal.note(KEY, Entry("2026-11-28T12:00:00Z", 0.01, "done", "as asked"))

    async def main() -> Object:
        queue = Queue[Key]()
        routes = debug_routes(Cache(), queue, journal, metrics)
        named = {path.strip("/").replace("/", "__"): answer for path, answer in routes.items()}
        async with serving(None, **named) as host, aiohttp.ClientSession() as session:
            async with session.get(f"http://{host}/debug/models/{'/'.join(KEY)}") as response:
                found: Object = await response.json()
            return found

    return asyncio.run(main())


def test_at_rest_there_are_the_decisions_and_no_checks() -> None:
    found = told(Metrics())
    assert (found["queue"], found["cache"], found["checks"], found["worst"]) == ("idle", [], [], [])
    assert [entry["detail"] for entry in found["decisions"]] == ["as asked"]


def test_a_rollout_has_its_exact_counts_and_its_worst_copies() -> None:
    metrics = Metrics()
    judgement = Judgement("outputs", "Unknown", samples=73, needed=100, level=0.4, holds=True)
    worst = Worst("sha256:ab", "probabilities", 0.31, "2026-11-28T12:31:07Z")
    metrics.running[KEY] = Rollout("/".join(KEY), "Progressing", 0, (judgement,), (worst,))
    found = told(metrics)
    (check,) = found["checks"]
    assert (check["check"], check["samples"], check["level"]) == ("outputs", 73, 0.4)
    assert found["worst"] == [
        {"digest": "sha256:ab", "output": "probabilities", "max_absolute_error": 0.31, "at": "2026-11-28T12:31:07Z"}
    ]
