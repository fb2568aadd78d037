"""Every object that the operator owns, edited by a stranger and deleted: how long until it is as it was."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.operator.api import Api, Event
from benchmarks.operator.models import LABEL_MODEL, MODEL, OWNED, Object, model, numbered, path
from benchmarks.operator.ownership import applied, owned_fields
from benchmarks.operator.population import is_settled, patiently
from benchmarks.operator.sightings import Sightings, quiet, watching
from benchmarks.operator.stage import NAMESPACE, Stage
from benchmarks.quantiles import milliseconds

MODELS: Final = 20
PATIENCE: Final = 20.0
MANAGER: Final = "onnx-operator"

NO_SUCH_PODS: Final = {"spec": {"selector": {LABEL_MODEL: "drifted"}}}
OTHER_LABEL: Final = {"metadata": {"labels": {"app.kubernetes.io/name": "drifted"}}}


@dataclass(frozen=True)
class Target:
    """One of a model's objects: its kind, which of the kind by the end of its name, and an edit of what is owned."""

    title: str
    kind: str
    edit: Object
    name: Callable[[str, str], str]


def _revision(_: str, revision: str) -> str:
    return revision


def _entry(model_name: str, _: str) -> str:
    return model_name


TARGETS: Final = (
    # What a revision froze cannot be edited; its labels can.
    Target("ControllerRevision", "ControllerRevision", OTHER_LABEL, _revision),
    Target("ConfigMap (frozen)", "ConfigMap", OTHER_LABEL, _revision),
    Target("ConfigMap (live)", "ConfigMap", {"data": {"operator-keys.json": "{}"}}, lambda _, r: f"{r}-live"),
    Target("Service (revision)", "Service", NO_SUCH_PODS, _revision),
    Target("Service (entry)", "Service", NO_SUCH_PODS, _entry),
    Target(
        "Deployment",
        "Deployment",
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}},
        _revision,
    ),
    Target("HorizontalPodAutoscaler", "HorizontalPodAutoscaler", {"spec": {"maxReplicas": 99}}, _revision),
    Target("PodDisruptionBudget", "PodDisruptionBudget", {"spec": {"maxUnavailable": 99}}, _entry),
)


@dataclass
class Repairs:
    """Seconds of the repairs of one kind, and how many there were not within `PATIENCE`."""

    seconds: list[float] = field(default_factory=list)
    missing: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the quantiles as JSON has them."""
        times = milliseconds(self.seconds) if self.seconds else {"count": 0, "p50": None, "p99": None}
        return {**times, "notRepaired": self.missing}


async def play(stage: Stage) -> dict[str, Any]:
    """Return milliseconds from sending the edit or deletion until the object is as it was, by object."""
    repairs = {(target.title, how): Repairs() for target in TARGETS for how in ("edited", "deleted")}
    async with stage.api() as api, AsyncExitStack() as watches:
        seen = {
            kind: await watches.enter_async_context(watching(api, path(kind, NAMESPACE))) for kind in (MODEL, *OWNED)
        }
        for name in numbered("drift", MODELS):
            settled = seen[MODEL].once(name, is_settled)
            await api.create(path(MODEL, NAMESPACE), model(name))
            await patiently(settled, PATIENCE, seen[MODEL], f"{name} settled")
            for (title, how), found in repairs.items():
                await quiet(seen)
                target = next(target for target in TARGETS if target.title == title)
                seconds = await _disturb(api, seen, name, target, how)
                if seconds is None:
                    found.missing += 1
                else:
                    found.seconds.append(seconds)
    everything = Repairs(
        [second for found in repairs.values() for second in found.seconds],
        sum(found.missing for found in repairs.values()),
    )
    return {
        "all": everything.as_json(),
        "objects": {
            target.title: {how: repairs[target.title, how].as_json() for how in ("edited", "deleted")}
            for target in TARGETS
        },
    }


async def _disturb(api: Api, seen: dict[str, Sightings], model_name: str, target: Target, how: str) -> float | None:
    """Edit or delete one object; return the seconds until it was repaired, None if it was not."""
    models = seen[MODEL]
    # Also after a disturbance that took a while to pass: a model begins each of them settled.
    await patiently(models.all(len(models.objects), is_settled), PATIENCE, models, "all models settled again")
    revision = models.objects[model_name]["status"]["stableRevision"]
    name = target.name(model_name, revision)
    repaired = seen[target.kind].once(name, _as_it_was(seen[target.kind].objects[name], target.kind))
    began = time.monotonic()
    if how == "edited":
        await api.merge(path(target.kind, NAMESPACE, name), target.edit)
    else:
        await api.delete(path(target.kind, NAMESPACE, name))
    try:
        return await asyncio.wait_for(repaired, PATIENCE) - began
    except TimeoutError:
        return None


def _as_it_was(before: Object, kind: str) -> Callable[[Event], bool]:
    """Return a check that holds once an object, seen otherwise or deleted, has all that was applied to it again."""
    # A watch's objects have no kind of their own in a list.
    head = {"apiVersion": "", "kind": kind}
    fields = owned_fields(before, MANAGER)
    wanted = _comparable(applied({**before, **head}, fields))
    disturbed = False

    def check(event: Event) -> bool:
        nonlocal disturbed
        same = event.type != "DELETED" and _comparable(applied({**event.object, **head}, fields)) == wanted
        disturbed = disturbed or not same
        return same and disturbed

    return check


def _comparable(obj: Object) -> Object:
    # The time of a promotion is known by the ControllerRevision alone; where that was deleted, it is a new one.
    annotations = dict(obj["metadata"].get("annotations", {}))
    annotations.pop("onnx-operator.dev/promoted-at", None)
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}
