"""The split as a whole: which push replaces what, who is asked, and what is counted."""

import asyncio
import contextlib
import gc
import random
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest

from onnx_server.protocol.errors import RequestError
from onnx_server.traffic.arms import Arm
from onnx_server.traffic.awaited import Own, ask
from onnx_server.traffic.message import Answer, Request
from onnx_server.traffic.split import Address, Split, StaleGenerationError
from onnx_server.traffic.traffic import Traffic
from tests.contract.scripted_pod import ScriptedPod, scripted_pod

REQUEST = Request(b"POST /v2/models/digits/infer HTTP/1.1\r\n", b"{}")
NO_COPIES = {
    "percent": 0,
    "sampled": 0,
    "underWay": 0,
    "compared": 0,
    "failed": 0,
    "replayed": 0,
    "dropped": {"inFlight": 0, "bytes": 0, "overloaded": 0, "unreachable": 0, "interrupted": 0},
}
NO_EVIDENCE = {
    "course": "",
    "stable": {"requests": 0, "errors": 0},
    "candidate": {"requests": 0, "errors": 0, "late": 0},
    "compute": {},
    "work": {},
    "outputs": [],
    "worst": [],
}
SOMEWHERE = (Address("one", "127.0.0.1", 1),)


def traffic() -> Traffic:
    return Traffic("digits-a", random.Random(0))


def split(generation: int = 1, weight: int = 50, candidates: tuple[Address, ...] = SOMEWHERE, **more: Any) -> Split:
    return Split(generation, "digits-b", weight, candidates, **more)


def arms(
    of: Traffic, requests: int, headers: Iterable[tuple[bytes, bytes]] = (), version: str | None = None
) -> list[Arm]:
    return [of.route(list(headers), version) for _ in range(requests)]


def test_before_any_push() -> None:
    fresh = traffic()
    assert not fresh.active
    assert fresh.describe() == {
        "generation": 0,
        "revision": None,
        "weight": 0,
        "appliedWeight": 0,
        "handOver": False,
        "candidates": [],
        "breaker": {"open": False, "reason": ""},
        "arms": {
            "stable": {"requests": 0, "errors": 0},
            "candidate": {
                "requests": 0,
                "answered": 0,
                "errors": 0,
                "failures": dict.fromkeys(("refused", "reset", "serverError", "clientError", "late", "overloaded"), 0),
            },
        },
        "preview": {"requests": 0},
        "shadow": NO_COPIES,
        "evidence": NO_EVIDENCE,
    }
    assert arms(fresh, 10) == [Arm.UNCOUNTED] * 10


def test_a_thousand_requests_at_five_percent() -> None:
    pod = traffic()
    pod.apply(split(weight=5))
    assert arms(pod, 1000).count(Arm.CANDIDATE) == 50
    pod.apply(split(weight=5, candidates=(*SOMEWHERE, Address("two", "127.0.0.1", 2))))
    assert arms(pod, 1000).count(Arm.CANDIDATE) == 50


def test_weights_at_the_ends() -> None:
    pod = traffic()
    pod.apply(split(weight=0))
    assert not pod.active
    pod.apply(split(2, weight=100))
    assert set(arms(pod, 100)) == {Arm.CANDIDATE}
    pod.apply(split(2, weight=30, candidates=()))
    assert (pod.active, pod.applied_weight, pod.describe()["weight"]) == (False, 0, 30)
    assert set(arms(pod, 100)) == {Arm.UNCOUNTED}


def test_generations() -> None:
    pod = traffic()
    pod.apply(split(5, 100))
    pod.answered_here(500, 0.1)
    counted = pod.describe()["arms"]
    with pytest.raises(StaleGenerationError, match="generation: 4 is lower than 5"):
        pod.apply(split(4, 10))
    assert (pod.applied_weight, pod.describe()["arms"]) == (100, counted)
    pod.apply(split(5, 60))
    assert (pod.applied_weight, pod.describe()["arms"]) == (60, counted)
    pod.apply(split(6, 60))
    assert pod.describe()["arms"]["stable"] == {"requests": 0, "errors": 0}  # type: ignore[index]


def test_what_is_not_split() -> None:
    pod = traffic()
    pod.apply(split(weight=100, preview_header=b"x-preview", sticky_by=b"x-user"))
    forwarded = [(b"x-preview", b"1"), (b"onnx-forwarded", b"digits-0")]
    assert pod.route(forwarded, None) is Arm.UNCOUNTED
    assert pod.route([(b"x-preview", b"1")], "a") is Arm.UNCOUNTED
    assert pod.route([], "a") is Arm.UNCOUNTED
    assert pod.route([], "b") is Arm.CANDIDATE


@pytest.mark.parametrize(
    ("value", "previewed"),
    [(b"1", True), (b"true", True), (b"anna", True), (b"", False), (b"0", False), (b"False", False), (b" ", False)],
)
def test_previews(value: bytes, previewed: bool) -> None:
    pod = traffic()
    pod.apply(split(weight=0, preview_header=b"x-preview"))
    assert pod.active
    assert pod.route([(b"x-preview", value)], None) is (Arm.PREVIEW if previewed else Arm.UNCOUNTED)
    pod.apply(split(2, 0, (), preview_header=b"x-preview"))
    assert not pod.active


def test_users_stay_and_the_rest_throws_dice() -> None:
    pod = traffic()
    pod.apply(split(weight=20, sticky_by=b"x-user"))
    users = [f"u{i}".encode() for i in range(300)]
    at_20 = {user for user in users if pod.route([(b"x-user", user)], None) is Arm.CANDIDATE}
    assert at_20 == {user for user in users if pod.route([(b"x-user", user)], None) is Arm.CANDIDATE}
    assert 30 < len(at_20) < 90
    assert arms(pod, 1000).count(Arm.CANDIDATE) == 200
    pod.apply(split(2, 50, sticky_by=b"x-user"))
    assert at_20 < {user for user in users if pod.route([(b"x-user", user)], None) is Arm.CANDIDATE}


def test_own_answers_are_counted_while_there_is_a_share() -> None:
    pod = traffic()
    pod.apply(split(weight=5))
    for status in (200, 200, 400, 500, 503, 499):
        pod.answered_here(status, 0.01)
    assert pod.describe()["arms"]["stable"] == {"requests": 5, "errors": 2}  # type: ignore[index]
    pod.apply(split(2, weight=0))
    pod.answered_here(500, 0.01)
    assert pod.describe()["arms"]["stable"] == {"requests": 0, "errors": 0}  # type: ignore[index]


def test_hand_over_is_told_once() -> None:
    told: list[int] = []
    pod = traffic()
    pod.on_hand_over.append(lambda: told.append(1))
    pod.apply(split(weight=100))
    assert (told, pod.hand_over, pod.took_over("b")) == ([], False, False)
    pod.apply(split(2, 100, hand_over=True))
    pod.apply(split(2, 100, (Address("two", "127.0.0.1", 2),), hand_over=True))
    assert (told, pod.hand_over, pod.active) == ([1], True, True)
    assert pod.took_over("b")
    assert not pod.took_over("a")
    pod.apply(split(3, 0, (), hand_over=True))
    assert pod.active
    assert not pod.took_over("b")


@contextlib.contextmanager
def pods(number: int) -> Iterator[list[ScriptedPod]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(scripted_pod()) for _ in range(number)]


@contextlib.asynccontextmanager
async def splitting(scripted: list[ScriptedPod], **more: Any) -> AsyncIterator[Traffic]:
    pod = traffic()
    pod.apply(split(weight=100, candidates=addresses(scripted), **more))
    try:
        yield pod
    finally:
        pod.close()
        await asyncio.sleep(0.03)


def addresses(scripted: list[ScriptedPod]) -> tuple[Address, ...]:
    return tuple(Address(f"pod-{i}", "127.0.0.1", each.port) for i, each in enumerate(scripted))


async def own() -> str:
    return "own"


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.002)


def candidate_counts(pod: Traffic) -> dict[str, Any]:
    counted: Any = pod.describe()
    return dict(counted["arms"]["candidate"])


def test_work_is_spread_and_a_new_pod_has_its_share_at_once() -> None:
    async def story() -> None:
        async with splitting(scripted[:2]) as pod:
            for each in scripted:
                each.delay = 0.05
            await asyncio.gather(*(ask(pod, Arm.CANDIDATE, REQUEST, own) for _ in range(20)))
            assert [len(each.received) for each in scripted] == [10, 10, 0]
            under_way = [asyncio.ensure_future(ask(pod, Arm.CANDIDATE, REQUEST, own)) for _ in range(8)]
            await asyncio.sleep(0)
            pod.apply(split(weight=100, candidates=addresses(scripted)))
            under_way += [asyncio.ensure_future(ask(pod, Arm.CANDIDATE, REQUEST, own)) for _ in range(4)]
            await asyncio.gather(*under_way)
            assert len(scripted[2].received) == 4
            assert candidate_counts(pod)["answered"] == 32

    with pods(3) as scripted:
        asyncio.run(story())


def test_failures_are_counted_and_the_breaker_ends_them() -> None:
    async def story() -> None:
        async with splitting(scripted) as pod:
            scripted[0].status = 500
            for i in range(5):
                assert pod.applied_weight == 100, i
                assert await ask(pod, Arm.CANDIDATE, REQUEST, own) == Own("own")
            assert pod.applied_weight == 0
            assert not pod.active
            assert pod.describe()["breaker"] == {
                "open": True,
                "reason": "5 of the last 5 forwarded requests failed: serverError 5",
            }
            counted = candidate_counts(pod)
            assert (counted["requests"], counted["answered"], counted["errors"]) == (5, 0, 5)
            assert counted["failures"]["serverError"] == 5
            pod.apply(split(1, 100, addresses(scripted)))
            assert pod.applied_weight == 0
            pod.apply(split(2, 100, addresses(scripted)))
            assert pod.applied_weight == 100

    with pods(1) as scripted:
        asyncio.run(story())


def test_what_ends_later_is_counted_where_it_began() -> None:
    async def story() -> None:
        async with splitting(scripted) as pod:
            scripted[0].delay = 0.1
            scripted[0].status = 500
            under_way = asyncio.ensure_future(ask(pod, Arm.CANDIDATE, REQUEST, own))
            await asyncio.sleep(0.02)
            pod.apply(split(2, 100, addresses(scripted)))
            assert await under_way == Own("own")
            assert candidate_counts(pod)["errors"] == 0
            assert pod.outgoing["serverError"] == 1

    with pods(1) as scripted:
        asyncio.run(story())


def test_a_pod_that_refuses_is_left_alone_and_nothing_is_counted_meanwhile() -> None:
    async def story() -> None:
        pod = traffic()
        pod.apply(split(weight=100))
        for _ in range(20):
            assert await ask(pod, Arm.CANDIDATE, REQUEST, own) == Own("own")
        counted = candidate_counts(pod)
        assert (counted["requests"], counted["failures"]["refused"]) == (1, 1)
        with pytest.raises(RequestError, match="cannot be reached") as caught:
            await ask(pod, Arm.PREVIEW, REQUEST, own)
        assert caught.value.status == 502
        assert pod.describe()["preview"] == {"requests": 1}

    asyncio.run(story())


def test_who_awaits_is_told_of_own_errors_and_may_leave() -> None:
    async def fails() -> str:
        raise RequestError(400, "the client's")

    async def breaks() -> str:
        raise ZeroDivisionError

    async def story() -> None:
        async with splitting(scripted) as pod:
            answer = await ask(pod, Arm.CANDIDATE, REQUEST, fails)
            assert isinstance(answer, Answer)
            scripted[0].status = 400
            with pytest.raises(RequestError, match="the client's"):
                await ask(pod, Arm.CANDIDATE, REQUEST, fails)
            with pytest.raises(ZeroDivisionError):
                await ask(pod, Arm.CANDIDATE, REQUEST, breaks)
            assert candidate_counts(pod)["errors"] == 0
            assert pod.outgoing["bothRefused"] == 2
            scripted[0].behaviour = "hang"
            leaving = asyncio.ensure_future(ask(pod, Arm.CANDIDATE, REQUEST, own))
            await until(lambda: len(scripted[0].received) == 4)
            assert pod.waiting == 1
            leaving.cancel()
            await until(lambda: scripted[0].left == 1)
            assert (pod.waiting, pod.outgoing["left"]) == (0, 1)

    with pods(1) as scripted:
        asyncio.run(story())


def test_a_hanging_candidate_is_overtaken() -> None:
    async def story() -> None:
        async with splitting(scripted) as pod:
            scripted[0].behaviour = "hang"
            for _ in range(50):
                pod.answered_here(200, 0.01)
            before = time.monotonic()
            assert await ask(pod, Arm.CANDIDATE, REQUEST, own) == Own("own")
            assert 0.03 <= time.monotonic() - before < 0.5
            assert await ask(pod, Arm.CANDIDATE, REQUEST, own, before + 0.2) == Own("own")
            assert candidate_counts(pod)["failures"]["late"] == 2
            await until(lambda: scripted[0].left == 2)

    with pods(1) as scripted:
        asyncio.run(story())


def test_nothing_is_left_of_a_request_that_is_over() -> None:
    """Bodies are large: they are let go at once, not when the garbage collector comes."""

    async def story() -> None:
        async with splitting(scripted) as pod:
            await ask(pod, Arm.CANDIDATE, REQUEST, own)
            gc.collect()
            gc.disable()
            try:
                for status in (200, 500, 200):
                    scripted[0].status = status
                    request = Weakly(REQUEST.head, REQUEST.body)
                    kept = weakref.ref(request)
                    await ask(pod, Arm.CANDIDATE, request, own)
                    del request
                    await asyncio.sleep(0)
                    assert kept() is None, status
            finally:
                gc.enable()

    with pods(1) as scripted:
        asyncio.run(story())


class Weakly(Request):
    """A request that tells when it is gone."""

    __slots__ = ("__weakref__",)
