"""The connection against a small HTTP server of the test's own, which refuses tokens as an API server does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from onnx_operator.kube import connection as module
from onnx_operator.kube.connection import Connection
from onnx_operator.kube.errors import KubeError


class Server:
    """Answers 200 to the token that is good now, 401 to others."""

    def __init__(self) -> None:
        self.good, self.issued, self.logins = "first", "first", 0
        self.seen: list[str] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request.headers.get("Authorization", ""))
        good = self.seen[-1] == f"Bearer {self.good}"
        return web.Response(status=200 if good else 401, text=await request.text() or request.path_qs)

    async def login(self) -> Configuration:
        self.logins += 1
        if not self.issued:
            raise KubeError(0, "no credentials")
        made = Configuration()
        made.host = f"http://127.0.0.1:{self.port}"
        made.api_key["BearerToken"] = f"Bearer {self.issued}"
        return made


def run(test: Callable[[Server, Connection], Awaitable[None]]) -> None:
    async def main() -> None:
        server = Server()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.port = runner.addresses[0][1]
        connection = Connection(server.login, 5.0)
        await connection.open()
        try:
            await test(server, connection)
        finally:
            await connection.close()
            await runner.cleanup()

    asyncio.run(main())


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOGIN_EVERY", 0.0)


def test_path_query_and_body_arrive() -> None:
    async def test(server: Server, connection: Connection) -> None:
        answer = await connection.request("GET", "/a", [("labelSelector", "x=y,z")], None, "application/json")
        assert (answer.status, answer.body) == (200, b"/a?labelSelector=x%3Dy%2Cz")
        answer = await connection.request("PATCH", "/a", [], b"{}", "application/json")
        assert answer.body == b"{}"

    run(test)


def test_an_expired_token_is_replaced_and_the_request_sent_again() -> None:
    async def test(server: Server, connection: Connection) -> None:
        server.good = server.issued = "second"
        answers = await asyncio.gather(
            *(connection.request("GET", "/a", [], None, "application/json") for _ in range(5)), return_exceptions=True
        )
        statuses = [answer.status for answer in answers if not isinstance(answer, BaseException)]
        assert 200 in statuses
        assert 401 not in statuses
        assert server.logins == 2, "one login for all that were refused"
        assert (await connection.request("GET", "/a", [], None, "application/json")).status == 200

    run(test)


def test_a_token_that_stays_bad_is_told_and_no_loop() -> None:
    async def test(server: Server, connection: Connection) -> None:
        server.good = "second"
        answer = await connection.request("GET", "/a", [], None, "application/json")
        assert answer.status == 401
        assert len(server.seen) == 2

    run(test)


def test_lost_credentials_are_waited_for() -> None:
    async def test(server: Server, connection: Connection) -> None:
        server.good, server.issued = "second", ""
        assert (await connection.request("GET", "/a", [], None, "application/json")).status == 401
        server.issued = "second"
        assert (await connection.request("GET", "/a", [], None, "application/json")).status == 200

    run(test)
