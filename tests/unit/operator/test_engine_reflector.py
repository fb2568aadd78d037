"""One kind followed, against an API server whose lists and watches are played."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from onnx_operator import names
from onnx_operator.cache import Cache, Key
from onnx_operator.engine import reflector as module
from onnx_operator.engine.reflector import Reflector
from onnx_operator.kube.errors import KubeError, RefusedError, TransientError
from onnx_operator.kube.kinds import DEPLOYMENT, Kind
from onnx_operator.kube.protocol import Listed

Object = dict[str, Any]
Step = tuple[str, Object] | KubeError


def deployment(name: str, version: int, of: int = 0) -> Object:
    metadata = {"namespace": "team", "name": name, "resourceVersion": str(version), "uid": name}
    return {"metadata": {**metadata, "labels": {names.LABEL_MODEL: f"model-{name}"}}, "spec": {"of": of}}


class Server:
    """Lists what it has, and plays one script a watch; then it is silent."""

    def __init__(self, listed: list[Object], version: int, *scripts: list[Step]) -> None:
        self.listed, self.version, self.scripts = listed, version, list(scripts)
        self.lists, self.since = 0, list[int]()

    async def pages(self, kind: Kind, namespace: str | None, selector: str = "") -> AsyncIterator[Listed]:
        self.lists += 1
        for obj in self.listed:
            yield Listed((obj,), self.version)
        yield Listed((), self.version)

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: int
    ) -> AsyncIterator[tuple[str, Object]]:
        self.since.append(version)
        yield "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}
        if not self.scripts:
            await asyncio.Event().wait()
        for step in self.scripts.pop(0):
            if isinstance(step, KubeError):
                raise step
            yield step


def follow(server: Server, check: Callable[[Cache, list[Key], Reflector], None]) -> None:
    async def main() -> None:
        cache, told = Cache(), list[Key]()
        reflector = Reflector(server, cache, DEPLOYMENT, None, "", told.append)  # type: ignore[arg-type]
        await reflector.fill()
        task = asyncio.create_task(reflector.follow())
        for _ in range(200):
            await asyncio.sleep(0.001)
            if not server.scripts and reflector.follows:
                break
        await asyncio.sleep(0.01)
        check(cache, told, reflector)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_WAIT", "LONGEST_WAIT", "WHEN_REFUSED"):
        monkeypatch.setattr(module, name, 0.001)


def test_what_the_watch_tells_is_in_the_cache_and_its_models_are_told_of() -> None:
    server = Server(
        [deployment("a", 3), deployment("b", 4)],
        5,
        [
            ("MODIFIED", deployment("a", 6, of=1)),
            ("MODIFIED", {**deployment("b", 7), "status": {"replicas": 1}}),
            ("ADDED", deployment("c", 8)),
            ("DELETED", deployment("b", 9)),
        ],
    )

    def check(cache: Cache, told: list[Key], reflector: Reflector) -> None:
        found = {name: cache.get(DEPLOYMENT, "team", name) for name in "abc"}
        assert {name for name, obj in found.items() if obj} == {"a", "c"}
        models = [model for _, model in told]
        assert set(models[:2]) == {"model-a", "model-b"}
        assert models[2:] == ["model-a", "model-c", "model-b"], "what nothing depends on is not told of"
        assert server.lists == 1
        assert server.since == [5, 9], "it goes on from what it saw last"

    follow(server, check)


def test_a_version_that_is_gone_is_listed_anew_and_ghosts_go() -> None:
    server = Server([deployment("a", 3), deployment("b", 4)], 5, [TransientError(410, "too old resource version")])

    def forget_b(cache: Cache, told: list[Key], reflector: Reflector) -> None:
        assert server.lists == 2
        assert cache.get(DEPLOYMENT, "team", "b") is None
        assert ("team", "model-b") in told[2:]
        assert server.since == [5, 50]

    original = server.pages

    def later(kind: Kind, namespace: str | None, selector: str = "") -> AsyncIterator[Listed]:
        if server.lists:
            server.listed, server.version = [deployment("a", 3)], 50
        return original(kind, namespace, selector)

    server.pages = later  # type: ignore[method-assign]
    follow(server, forget_b)


@pytest.mark.parametrize(
    "error", [TransientError(0, "cut"), TransientError(500, "etcd"), TransientError(429, "slow down", 0.001)]
)
def test_a_watch_that_is_cut_goes_on_where_it_was(error: KubeError) -> None:
    server = Server([deployment("a", 3)], 5, [("MODIFIED", deployment("a", 6, of=1)), error], [error], [error])

    def check(cache: Cache, told: list[Key], reflector: Reflector) -> None:
        assert server.lists == 1
        assert server.since == [5, 6, 6, 6]
        assert reflector.follows

    follow(server, check)


def test_a_refused_watch_is_asked_for_again_with_a_list() -> None:
    server = Server([deployment("a", 3)], 5, [RefusedError(403, "forbidden")])

    def check(cache: Cache, told: list[Key], reflector: Reflector) -> None:
        assert server.lists == 2

    follow(server, check)
