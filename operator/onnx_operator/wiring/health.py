"""The operator's own HTTP endpoint: is it alive, is it ready."""

from collections.abc import Callable

from aiohttp import web


async def serve_health(port: int, alive: Callable[[], bool], ready: Callable[[], bool]) -> web.AppRunner:
    """Answer ``/healthz`` and ``/readyz`` with 200 or 503 until the returned runner is cleaned up."""

    def endpoint(check: Callable[[], bool]) -> Callable[[web.Request], object]:
        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"ok": True}) if check() else web.json_response({"ok": False}, status=503)

        return answer

    app = web.Application()
    app.router.add_get("/healthz", endpoint(alive))  # type: ignore[arg-type]  # aiohttp's Handler alias is wider
    app.router.add_get("/readyz", endpoint(ready))  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
