"""The control client against real HTTP servers, of which some are not what they should be."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onnx_operator import names
from onnx_operator.control import LONGEST_ANSWER, ControlClient
from onnx_operator.rollout import Address, ShadowOrder, SplitOrder, SplitState
from onnx_operator.signing import Signer
from onnx_operator.split_state import MOST_CANDIDATES, split_state
from tests.cluster.split_stand_in import SEES, Split

Object = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def stolen(_: web.Request) -> web.Response:
    return web.json_response({"stolen": True})


T = TypeVar("T")
Call = Callable[[ControlClient], Awaitable[T]]


def ask(monkeypatch: pytest.MonkeyPatch, handler: Handler, timeout: float = 2.0) -> Object | None:
    return call(monkeypatch, handler, lambda client: client.facts("127.0.0.1", "pod-1"), timeout)


def call(monkeypatch: pytest.MonkeyPatch, handler: Handler, made: Call[T], timeout: float = 2.0) -> T:
    async def main() -> T:
        app = web.Application()
        app.router.add_get("/v1/facts", handler)
        app.router.add_get("/v1/split", handler)
        app.router.add_put("/v1/split", handler)
        app.router.add_get("/elsewhere", stolen)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        monkeypatch.setattr(names, "CONTROL_PORT", runner.addresses[0][1])
        client = ControlClient(Signer(Ed25519PrivateKey.generate()), timeout, timeout)
        try:
            return await made(client)
        finally:
            await client.aclose()
            await runner.cleanup()

    return asyncio.run(main())


def test_a_pod_is_asked_with_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def facts(request: web.Request) -> web.Response:
        scheme, _, token = request.headers["Authorization"].partition(" ")
        claims = jwt.decode(token, options={"verify_signature": False})
        return web.json_response({"scheme": scheme, "aud": claims["aud"]})

    assert ask(monkeypatch, facts) == {"scheme": "Bearer", "aud": "pod-1"}


async def unauthorized(_: web.Request) -> web.Response:
    return web.json_response({"error": "no"}, status=401)


async def not_json(_: web.Request) -> web.Response:
    return web.Response(text="<html>")


async def not_an_object(_: web.Request) -> web.Response:
    return web.json_response([1])


async def too_long(_: web.Request) -> web.Response:
    return web.json_response({"x": "y" * LONGEST_ANSWER})


async def too_deep(_: web.Request) -> web.Response:
    return web.Response(text="[" * 200_000, content_type="application/json")


async def elsewhere(_: web.Request) -> web.Response:
    raise web.HTTPFound("/elsewhere")


async def never(_: web.Request) -> web.Response:
    await asyncio.sleep(0.6)
    return web.json_response({})


@pytest.mark.parametrize(
    "handler", [unauthorized, not_json, not_an_object, too_long, too_deep, elsewhere, never], ids=lambda h: h.__name__
)
def test_a_pod_that_does_not_answer_as_it_should_is_no_error(monkeypatch: pytest.MonkeyPatch, handler: Handler) -> None:
    assert ask(monkeypatch, handler, timeout=0.3) is None


def test_a_pod_that_is_not_there_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Object | None:
        client = ControlClient(Signer(Ed25519PrivateKey.generate()), 0.5)
        try:
            return await client.facts("127.0.0.1", "pod-1")
        finally:
            await client.aclose()

    assert asyncio.run(main()) is None
    assert "does not answer" in caplog.text


def test_an_ipv6_address_is_put_in_brackets(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        client = ControlClient(Signer(Ed25519PrivateKey.generate()), 0.5)
        await client.facts("::1", "pod-1")
        await client.aclose()

    asyncio.run(main())
    assert "http://[::1]:9000/v1/facts" in caplog.text


ORDER = SplitOrder(2, "digits-b", 25, (Address("new", "10.0.0.2"),), sticky_header="x-user")
STATE = Split("pod-1", "boot").take(ORDER.to_json(), {})[1]


def get(client: ControlClient) -> Awaitable[SplitState | None]:
    return client.split("127.0.0.1", "pod-1")


def put(client: ControlClient) -> Awaitable[SplitState | None]:
    return client.set_split("127.0.0.1", "pod-1", ORDER)


def test_a_pod_is_told_its_split_and_says_what_it_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    split = Split("pod-1", "boot")

    async def taken(request: web.Request) -> web.Response:
        status, body = split.take(await request.json(), {})
        return web.json_response(body, status=status)

    state = call(monkeypatch, taken, put)
    assert state is not None
    assert (state.generation, state.revision, state.applied_weight) == (2, "digits-b", 25)
    assert state.candidates == ORDER.candidates
    assert [order["stickyBy"] for order in split.orders] == [{"header": "x-user"}]


def test_a_pod_with_a_later_order_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def later(_: web.Request) -> web.Response:
        return web.json_response({**STATE, "generation": 9, "error": "generation 9 is applied"}, status=409)

    state = call(monkeypatch, later, put)
    assert state is not None
    assert state.generation == 9
    assert call(monkeypatch, later, get) is None, "no answer to a question"


@pytest.mark.parametrize(
    "handler", [unauthorized, not_json, not_an_object, too_long, too_deep, elsewhere, never], ids=lambda h: h.__name__
)
@pytest.mark.parametrize("made", [get, put])
def test_a_pod_that_says_nothing_of_its_split_is_no_error(
    monkeypatch: pytest.MonkeyPatch, handler: Handler, made: Call[SplitState | None]
) -> None:
    assert call(monkeypatch, handler, made, timeout=0.3) is None


def test_a_pod_that_does_not_answer_is_complained_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [STATE]

    async def falls_silent(_: web.Request) -> web.Response:
        return web.json_response(answers[0]) if answers else web.Response(text="<html>")

    async def several(client: ControlClient) -> None:
        for _ in range(3):
            assert await get(client) is not None
        answers.clear()
        for _ in range(3):
            assert await get(client) is None
        answers.append(STATE)
        assert await get(client) is not None
        answers.clear()
        assert await get(client) is None

    call(monkeypatch, falls_silent, several)
    assert [record.levelname for record in caplog.records].count("WARNING") == 2


def changed(path: str, value: object) -> Object:
    made: Object = copy.deepcopy(STATE)
    *places, last = path.split(".")
    at = made
    for place in places:
        at = at[place]
    at[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("podUid", "another"),
        ("bootId", None),
        ("generation", -1),
        ("generation", "1"),
        ("generation", True),
        ("generation", 2.0),
        ("generation", 10**30),
        ("revision", 1),
        ("revision", "x" * 5000),
        ("weight", 101),
        ("appliedWeight", None),
        ("handOver", "yes"),
        ("candidates", {}),
        ("candidates", [1]),
        ("candidates", [{"podUid": "a"}]),
        ("candidates", [{"podUid": "a", "address": "b"}] * (MOST_CANDIDATES + 1)),
        ("breaker", None),
        ("breaker.open", 1),
        ("openConnections", -1),
        ("arms", []),
        ("arms.stable", None),
        ("arms.candidate.errors", -3),
        ("arms.candidate.failures", {str(kind): 1 for kind in range(100)}),
    ],
)
def test_what_is_not_as_the_contract_has_it_is_not_believed(path: str, value: object) -> None:
    assert split_state(STATE, "pod-1") is not None
    assert split_state(changed(path, value), "pod-1") is None
    assert split_state(value, "pod-1") is None


def test_what_a_later_server_adds_is_no_fault() -> None:
    assert split_state({**STATE, "new": 1}, "pod-1") == split_state(STATE, "pod-1")


def test_a_breaker_that_does_not_say_why_is_open_all_the_same() -> None:
    state = split_state(changed("breaker", {"open": True, "reason": ""}), "pod-1")
    assert state is not None
    assert state.breaker


COPYING = replace(ORDER, course="2026-11-28T21:00:00.000000Z", shadow=ShadowOrder(20, 0.005, 0.0))


@pytest.mark.parametrize(("plays", "told"), [({}, ("2026-11-28T21:00:00.000000Z", 20)), ({SEES: "Old"}, ("", 0))])
def test_a_server_older_than_analysis_is_told_what_it_knows(
    monkeypatch: pytest.MonkeyPatch, plays: dict[str, str], told: tuple[str, int]
) -> None:
    split = Split("pod-1", "boot")

    async def asked(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(split.document(plays))
        status, body = split.take(await request.json(), plays)
        return web.json_response(body, status=status)

    state = call(monkeypatch, asked, lambda client: client.set_split("127.0.0.1", "pod-1", COPYING))
    assert state is not None
    assert (state.weight, state.generation) == (25, 2)
    assert (state.evidence is None) == bool(plays)
    assert (split.order.get("course", ""), (split.order.get("shadow") or {}).get("percent", 0)) == told


def test_a_newer_server_that_refuses_an_order_is_not_told_half_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    puts = []

    async def refuses(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(STATE)
        puts.append(await request.json())
        return web.json_response({"error": "shadow.percent: no"}, status=400)

    assert call(monkeypatch, refuses, lambda client: client.set_split("127.0.0.1", "pod-1", COPYING)) is None
    assert len(puts) == 1
