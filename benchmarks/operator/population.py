"""Many models at once: made, waited for, and counted with all that belongs to them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.operator.api import Api, Event
from benchmarks.operator.errors import ScenarioError
from benchmarks.operator.models import MODEL, OWNED, model, numbered, path
from benchmarks.operator.sightings import Check, Sightings, watching
from benchmarks.operator.stage import NAMESPACE, Stage
from tests.e2e.kubectl import settled

CREATORS: Final = 16
"""Requests at a time that make the models."""

PREFIX: Final = "many"


def is_settled(event: Event) -> bool:
    """Whether the model is as its spec asks: observed, Ready, neither Reconciling nor Stalled."""
    return settled(event.object)


async def create(api: Api, names: Sequence[str]) -> None:
    """Create models, `CREATORS` at a time."""
    left = iter(names)

    async def some() -> None:
        for name in left:
            await api.create(path(MODEL, NAMESPACE), model(name))

    await asyncio.gather(*(some() for _ in range(CREATORS)))


def patience(count: int) -> float:
    """Return the seconds after which so many models are given up: many times what a slow operator takes."""
    return 120 + 2.0 * count


async def settle(api: Api, count: int) -> tuple[float, float]:
    """Create models; return after how many seconds all were created, and all were settled at the same time.

    Raises:
        ScenarioError: they do not settle.
    """
    async with watching(api, path(MODEL, NAMESPACE)) as models:
        done = models.all(count, is_settled)
        began = time.monotonic()
        await create(api, numbered(PREFIX, count))
        created = time.monotonic()
        await patiently(done, patience(count), models, f"{count} models settled")
        return created - began, done.result() - began


async def patiently(
    done: asyncio.Future[float], seconds: float, seen: Sightings, what: str, check: Check = is_settled
) -> float:
    """Wait for what a watch shows; raise `ScenarioError` with what it shows instead after so many seconds."""
    try:
        return await asyncio.wait_for(done, seconds)
    except TimeoutError:
        found = f"{seen.holding(check)} of {len(seen.objects)} are as they should be"
        raise ScenarioError(f"not within {seconds:.0f} s: {what}; {found}") from None


async def check_complete(api: Api, count: int) -> None:
    """Raise `ScenarioError` unless each of the models has all of its objects, and there are no others."""
    twice = {"ConfigMap", "Service"}
    expected = {kind: count * (2 if kind in twice else 1) for kind in OWNED} | {"Pod": count}
    expected["ConfigMap"] += 1  # kube-root-ca.crt, which every namespace has
    for kind, wanted in expected.items():
        page = await api.list(path(kind, NAMESPACE), limit="1")
        found = len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
        if found != wanted:
            raise ScenarioError(f"there should be {wanted} of {kind}, and are {found}")


async def lead(stage: Stage) -> None:
    """Start an operator and wait until it leads."""
    operator = stage.start_operator()
    await asyncio.to_thread(operator.wait_leading, 60.0)
