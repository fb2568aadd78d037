"""Whom the observer asks: at rest nobody, and in a rollout everybody at the same time."""

import asyncio
from datetime import timedelta
from typing import Any

from onnx_operator.cache import Cache
from onnx_operator.kube.kinds import MODEL, WATCHED
from onnx_operator.observe import Observer
from onnx_operator.observed import Observed
from onnx_operator.rollout import SplitState
from tests.unit.operator.one_model import KEY, World, serving
from tests.unit.operator.situations import DEFAULTS, NOW, spec

Object = dict[str, Any]

V2 = "s3://models/digits/v2"


class Meeting:
    """Control ports that answer when so many have been asked; so who asks one after the other waits for ever."""

    def __init__(self, size: int) -> None:
        self.size, self.asked = size, 0
        self.all = asyncio.Event()

    async def facts(self, pod_ip: str, pod_uid: str) -> Object | None:
        await self._meet()
        return None

    async def split(self, pod_ip: str, pod_uid: str) -> SplitState | None:
        await self._meet()
        return None

    async def _meet(self) -> None:
        self.asked += 1
        if self.asked == self.size:
            self.all.set()
        await self.all.wait()


def observe(world: World, size: int) -> tuple[Observed, int]:
    """Return what is observed of a world, and how many calls were made; all of `size` calls are made at once."""

    async def main() -> tuple[Observed, int]:
        cache, meeting = Cache(), Meeting(size)
        for kind in WATCHED:
            cache.replace(kind, None, world.memory.listed(kind))
        model = cache.get(MODEL, *KEY)
        assert model is not None
        observer = Observer(cache, meeting, DEFAULTS, "{}")
        found = await asyncio.wait_for(observer.observe(model, NOW + timedelta(seconds=1)), 5)
        return found, meeting.asked

    return asyncio.run(main())


def test_at_rest_nobody_is_asked() -> None:
    seen, asked = observe(serving(), 1)
    assert (seen.splits, seen.reported, asked) == ({}, {}, 0)


def test_in_a_rollout_all_are_asked_at_the_same_time() -> None:
    world = serving()
    world.control.answer = {}
    world.ask(spec(V2, 2, rollout={}))
    for _ in range(4):
        world.operator.hear()
        world.operator.reconcile()
        world.kubelets()
    ready = 3
    seen, asked = observe(world, ready + 1)
    assert asked == ready + 1, "every ready pod for its split, and the candidate's for its signature"
    assert list(seen.splits.values()) == [None] * ready, "asked, and silent"
