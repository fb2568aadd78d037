"""One edit at a time: of what is live (the autoscaler's bounds), and of what is frozen (the URI: a new revision)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.operator.api import Api, Event
from benchmarks.operator.models import LABEL_MODEL, MODEL, Object, model, numbered, path
from benchmarks.operator.population import is_settled, patiently
from benchmarks.operator.sightings import Sightings, quiet, watching
from benchmarks.operator.stage import NAMESPACE, Stage
from benchmarks.quantiles import milliseconds

MODELS: Final = 20
ROUNDS: Final = 3
PATIENCE: Final = 60.0


async def play(stage: Stage) -> dict[str, Any]:
    """Return milliseconds from sending the edit, by what was seen then."""
    live: list[float] = []
    made: list[float] = []
    switched: list[float] = []
    names = numbered("edit", MODELS)
    async with (
        stage.api() as api,
        watching(api, path(MODEL, NAMESPACE)) as models,
        watching(api, path("HorizontalPodAutoscaler", NAMESPACE)) as autoscalers,
        watching(api, path("Deployment", NAMESPACE)) as deployments,
    ):
        seen = {"models": models, "autoscalers": autoscalers, "deployments": deployments}
        for name in names:
            settled = models.once(name, is_settled)
            await api.create(path(MODEL, NAMESPACE), model(name))
            await patiently(settled, PATIENCE, models, f"{name} settled")
        for number in range(ROUNDS):
            for name in names:
                await quiet(seen)
                most = 5 + number
                applied = autoscalers.all(1, _bounded(name, most))
                live.append(await _edit(api, models, name, {"scaling": {"maxReplicas": most}}, applied))
                await quiet(seen)
                uri = f"s3://models/digits/{2 + number}/model.onnx"
                settled = models.once(name, _serves(uri))
                first = deployments.all(2 + number, _of(name))
                began = time.monotonic()
                made.append(await _edit(api, models, name, {"model": {"uri": uri}}, first))
                switched.append(await patiently(settled, PATIENCE, models, f"{name} serves {uri}") - began)
    times = {
        "live field → autoscaler changed": milliseconds(live),
        "model.uri → new Deployment": milliseconds(made),
        "model.uri → new revision serves, Ready": milliseconds(switched),
    }
    return {"times": times}


async def _edit(api: Api, models: Sightings, name: str, spec: Object, applied: asyncio.Future[float]) -> float:
    began = time.monotonic()
    await api.merge(path(MODEL, NAMESPACE, name), {"spec": spec})
    return await patiently(applied, PATIENCE, models, f"the edit of {name} applied") - began


def _of(name: str) -> Callable[[Event], bool]:
    def check(event: Event) -> bool:
        return bool(event.object["metadata"].get("labels", {}).get(LABEL_MODEL) == name)

    return check


def _bounded(name: str, most: int) -> Callable[[Event], bool]:
    mine = _of(name)

    def check(event: Event) -> bool:
        return mine(event) and event.object["spec"]["maxReplicas"] == most

    return check


def _serves(uri: str) -> Callable[[Event], bool]:
    def check(event: Event) -> bool:
        status = event.object.get("status", {})
        serving = [r["uri"] for r in status.get("revisions", []) if r["name"] == status.get("stableRevision")]
        return is_settled(event) and serving == [uri]

    return check
