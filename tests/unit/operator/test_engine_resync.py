import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onnx_operator.cache import Cache, Key
from onnx_operator.engine import resync
from onnx_operator.engine.queue import Queue
from onnx_operator.engine.resync import Resync
from onnx_operator.kube.errors import KubeError, RefusedError, TransientError
from onnx_operator.kube.kinds import MODEL, POD, WATCHED, Kind
from onnx_operator.kube.protocol import Listed

Object = dict[str, Any]

NOT_SERVED = RefusedError(404, "the API server does not know onnxmodels: is the CRD installed?")
UNREACHABLE = TransientError(0, "cannot connect")


class Lists:
    """The API server's lists: one model. ``errors`` are raised first, one at each full list."""

    def __init__(self, *errors: KubeError) -> None:
        self.errors, self.asked = list(errors), list[tuple[str, str | None, str]]()
        self.forbidden = set[str | None]()

    async def pages(self, kind: Kind, namespace: str | None, selector: str = "") -> AsyncIterator[Listed]:
        self.asked.append((kind.kind, namespace, selector))
        if kind == MODEL and self.errors:
            raise self.errors.pop(0)
        if namespace in self.forbidden:
            raise RefusedError(403, f"cannot list {kind.plural} in the namespace {namespace}")
        model = {"metadata": {"namespace": namespace or "team", "name": "digits", "resourceVersion": "1", "uid": "u"}}
        yield Listed((model,) if kind == MODEL else (), 5)

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: int
    ) -> AsyncIterator[tuple[str, Object]]:
        yield "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}
        await asyncio.Event().wait()


class Run:
    """A Resync that runs, with quick times."""

    def __init__(self, lists: Lists, namespaces: tuple[str, ...] = (), period: float = 60.0) -> None:
        self.cache, self.queue, self.lists = Cache(), Queue[Key](), lists
        self.told: list[tuple[str, ...]] = []
        self.resync = Resync(lists, self.cache, self.queue, namespaces, period, self.told.append)  # type: ignore[arg-type]

    @property
    def served(self) -> int:
        return len(self.told)

    def full_lists(self) -> int:
        return sum(kind == "ONNXModel" for kind, _, _ in self.lists.asked)

    async def __aenter__(self) -> "Run":
        self.task = asyncio.create_task(self.resync.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resync, "RETRY", 0.01)
    monkeypatch.setattr(resync, "REFUSED_NAMESPACES", 0.02)


def test_the_first_fill_asks_for_every_model() -> None:
    async def main() -> None:
        async with Run(Lists()) as run:
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            assert run.cache.get(MODEL, "team", "digits") is not None
            assert await asyncio.wait_for(run.queue.take(), 1) == ("team", "digits")
            assert [kind for kind, _, _ in run.lists.asked] == [kind.kind for kind in WATCHED]
            assert run.served == 1

    asyncio.run(main())


def test_only_our_objects_are_listed_and_all_models() -> None:
    async def main() -> None:
        async with Run(Lists(), ("a", "b")) as run:
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            asked = set(run.lists.asked)
            assert {("ONNXModel", "a", ""), ("ONNXModel", "b", "")} <= asked
            assert (POD.kind, "a", "app.kubernetes.io/managed-by=onnx-operator") in asked

    asyncio.run(main())


@pytest.mark.parametrize("error", [NOT_SERVED, UNREACHABLE])
def test_nothing_is_decided_before_a_list_succeeds(error: KubeError) -> None:
    async def main() -> None:
        async with Run(Lists(error, error)) as run:
            await asyncio.sleep(0)
            assert not run.resync.primed.is_set()
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            assert run.full_lists() == 3
            assert run.served == 1, "watches begin when the kinds are served"

    asyncio.run(main())


def test_a_busy_api_server_is_not_listed_again_before_it_asks_for_that() -> None:
    async def main() -> None:
        async with Run(Lists(TransientError(429, "busy", 0.3))) as run:
            await asyncio.sleep(0.15)
            assert run.full_lists() == 1
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            assert run.full_lists() == 2

    asyncio.run(main())


def test_a_list_of_the_models_follows_soon_when_their_watches_begin() -> None:
    async def main() -> None:
        async with Run(Lists()) as run:
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            run.resync.soon()
            await asyncio.sleep(0.1)
            assert run.full_lists() == 2
            assert run.served == 1
            assert sum(kind == "Pod" for kind, _, _ in run.lists.asked) == 1, (
                "the others are watched from their list on"
            )
            assert run.resync.follows

    asyncio.run(main())


@pytest.mark.parametrize(("version", "lists"), [(4, 1), (5, 1), (6, 2), (None, 2)])
def test_who_takes_over_lists_again_only_what_it_may_not_know(version: int | None, lists: int) -> None:
    async def main() -> None:
        async with Run(Lists()) as run:  # whose lists are of version 5
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            key = await run.queue.take()
            run.queue.done(key)
            await run.resync.catch_up(version)
            assert run.full_lists() == lists
            assert await asyncio.wait_for(run.queue.take(), 1) == key, "every model is asked for"

    asyncio.run(main())


def test_watches_begin_anew_when_what_was_refused_is_served_again() -> None:
    async def main() -> None:
        async with Run(Lists()) as run:
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            run.lists.errors = [NOT_SERVED, UNREACHABLE]
            run.resync.soon()
            await asyncio.sleep(0.15)
            assert run.served == 2
            run.lists.errors = [UNREACHABLE]
            run.resync.soon()
            await asyncio.sleep(0.15)
            assert run.served == 2, "watches survive an API server that restarts by themselves"

    asyncio.run(main())


def test_the_list_is_repeated_each_period() -> None:
    async def main() -> None:
        async with Run(Lists(), period=0.01) as run:
            await asyncio.sleep(0.2)
            assert run.full_lists() > 2

    asyncio.run(main())


def test_a_forbidden_namespace_is_named_and_costs_the_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        lists = Lists()
        lists.forbidden = {"gone"}
        async with Run(lists, ("gone", "here")) as run:
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            assert run.told == [("here",)]
            assert run.cache.models() == [("here", "digits")]
            lists.forbidden = set()
            await asyncio.sleep(0.1)
            assert run.told == [("here",), ("gone", "here")], "it is watched again when it is there again"

    asyncio.run(main())
    assert any("namespace gone is left out" in message for message in caplog.messages)


def test_a_namespace_that_is_forbidden_later_is_watched_no_more() -> None:
    async def main() -> None:
        lists = Lists()
        async with Run(lists, ("a", "b")) as run:
            await asyncio.wait_for(run.resync.primed.wait(), 1)
            lists.forbidden = {"b"}
            run.resync.soon()
            await asyncio.sleep(0.1)
            assert run.told == [("a", "b"), ("a",)]

    asyncio.run(main())


@pytest.mark.parametrize("namespaces", [("a", "b"), ()])
def test_nothing_is_primed_where_all_is_forbidden(namespaces: tuple[str, ...]) -> None:
    async def main() -> None:
        lists = Lists()
        lists.forbidden = {"a", "b", None}
        async with Run(lists, namespaces) as run:
            await asyncio.sleep(0.05)
            assert not run.resync.primed.is_set()
            assert run.told == []

    asyncio.run(main())
