"""Whom the observer asks: at rest nobody, and in a rollout everybody at the same time."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from onnx_operator.cache import Cache, Key
from onnx_operator.kube.kinds import MODEL, WATCHED
from onnx_operator.measure import Inquiry, Measure, Number
from onnx_operator.observe import Observer
from onnx_operator.observed import Observed
from onnx_operator.rollout import SplitState
from tests.unit.operator.one_model import KEY, World, at_once, serving
from tests.unit.operator.situations import DEFAULTS, NOW, SIGNATURE, spec

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


class DeafFirst:
    """Control ports of which the one that is asked first does not answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def facts(self, pod_ip: str, pod_uid: str) -> Object | None:
        self.asked.append(pod_uid)
        return {"signature": SIGNATURE} if len(self.asked) > 1 else None

    async def split(self, pod_ip: str, pod_uid: str) -> SplitState | None:
        return None


def test_one_deaf_pod_does_not_keep_the_signature_of_all_of_them() -> None:
    world = serving()
    world.control.answer = {}
    world.ask(spec(V2, 5))
    for _ in range(6):
        world.operator.hear()
        world.operator.reconcile()
        world.kubelets()
    cache, control = Cache(), DeafFirst()
    for kind in WATCHED:
        cache.replace(kind, None, world.memory.listed(kind))
    model = cache.get(MODEL, *KEY)
    assert model is not None
    seen = at_once(Observer(cache, control, DEFAULTS, "{}").observe(model, NOW))
    assert list(seen.reported.values()) == [{"signature": SIGNATURE}]
    assert len(set(control.asked)) == 3, "and not all of many are asked"


class Answered:
    """What others said of whichever rollout; keeps what was asked for, of whom."""

    def __init__(self) -> None:
        self.inquiries: list[Inquiry | None] = []
        self.forgotten: list[Key] = []

    def answers(self, key: Key, inquiry: Inquiry | None) -> Mapping[str, Measure]:
        self.inquiries.append(inquiry)
        return {"clicks": Measure(Number("2026-11-01T12:00:00.000000Z", 0.5))} if inquiry else {}

    def forget(self, key: Key) -> None:
        self.forgotten.append(key)


def test_what_others_said_is_taken_as_it_is_while_a_rollout_is_judged() -> None:
    world = serving()
    query = {"name": "clicks", "query": "sum(clicks)", "max": "1"}
    world.ask(spec(V2, 2, rollout={"stepSeconds": 600, "analysis": {"prometheus": [query]}}))
    measures = Answered()

    def look() -> Observed:
        cache = Cache()
        for kind in WATCHED:
            cache.replace(kind, None, world.memory.listed(kind))
        model = cache.get(MODEL, *KEY)
        assert model is not None
        observer = Observer(cache, world.control, DEFAULTS, "{}", measures)
        return at_once(observer.observe(model, NOW))

    assert look().measured == {}
    assert measures.inquiries == [None], "in preflight there is nothing to measure"
    for _ in range(12):
        world.operator.hear()
        world.operator.reconcile()
        world.kubelets()
    assert set(look().measured) == {"clicks"}
    inquiry = measures.inquiries[-1]
    assert inquiry is not None
    assert [query.promql for query in inquiry.queries] == ["sum(clicks)"]


def test_of_a_model_that_is_gone_nobody_is_asked() -> None:
    world, measures = serving(), Answered()
    world.operator._reconciler._observer = Observer(world.operator.cache, world.control, DEFAULTS, "{}", measures)
    world.operator.reconcile()
    assert measures.forgotten == []
    del world.memory.objects[MODEL, *KEY]
    world.operator.hear()
    world.operator.reconcile()
    assert measures.forgotten == [KEY]
