"""The control client against real HTTP servers, of which some are not what they should be."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onnx_operator import names
from onnx_operator.control import LONGEST_ANSWER, ControlClient
from onnx_operator.signing import Signer

Object = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def stolen(_: web.Request) -> web.Response:
    return web.json_response({"stolen": True})


def ask(monkeypatch: pytest.MonkeyPatch, handler: Handler, timeout: float = 2.0) -> Object | None:
    async def main() -> Object | None:
        app = web.Application()
        app.router.add_get("/v1/facts", handler)
        app.router.add_get("/elsewhere", stolen)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        monkeypatch.setattr(names, "CONTROL_PORT", runner.addresses[0][1])
        client = ControlClient(Signer(Ed25519PrivateKey.generate()), timeout)
        try:
            return await client.facts("127.0.0.1", "pod-1")
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
