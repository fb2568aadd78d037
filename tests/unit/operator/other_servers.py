"""HTTP servers on loopback that others would run: what is asked of them is real."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None, **handlers: Handler) -> AsyncIterator[str]:
    """Answer on /NAME by each handler; __ in a name becomes a slash. Yields HOST:PORT."""
    app = web.Application()
    for name, handler in handlers.items():
        app.router.add_route("*", f"/{name.replace('__', '/')}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def says(content: object, status: int = 200) -> Handler:
    """Return a handler that answers so."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(content, status=status)

    return answer


def text(content: str, status: int = 200, **headers: str) -> Handler:
    """Return a handler that answers with a text."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=content, status=status, headers=headers)

    return answer


async def never(_: web.Request) -> web.Response:
    """Answer nobody."""
    await asyncio.sleep(60)
    return web.Response()
