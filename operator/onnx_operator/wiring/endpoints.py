"""The operator's own HTTP endpoints: health, metrics, and a look into its cache, queue and last decisions."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from onnx_operator.cache import Cache, Key
from onnx_operator.engine.journal import Journal
from onnx_operator.engine.queue import Queue
from onnx_operator.kube.kinds import WATCHED
from onnx_operator.metrics import Metrics

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(port: int, routes: dict[str, Answer], host: str | None = None) -> web.AppRunner:
    """Answer GET on these paths until the returned runner is cleaned up; port 0 answers nothing."""
    app = web.Application()
    for path, answer in routes.items():
        app.router.add_get(path, answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    if port:
        await web.TCPSite(runner, host, port).start()
    return runner


def health_routes(alive: Callable[[], bool], ready: Callable[[], bool], metrics: Metrics) -> dict[str, Answer]:
    """Return what the kubelet and Prometheus ask for."""

    def check(holds: Callable[[], bool]) -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response({"ok": True}) if holds() else web.json_response({"ok": False}, status=503)

        return answer

    async def text(_: web.Request) -> web.StreamResponse:
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return {"/healthz": check(alive), "/readyz": check(ready), "/metrics": text}


def debug_routes(cache: Cache, queue: Queue[Key], journal: Journal, metrics: Metrics) -> dict[str, Answer]:
    """Return what a person asks for who wonders what the operator thinks of a model."""

    async def model(request: web.Request) -> web.StreamResponse:
        key = (request.match_info["namespace"], request.match_info["name"])
        cached = [
            {
                "kind": kind.kind,
                "name": obj["metadata"]["name"],
                "uid": obj["metadata"]["uid"],
                "resourceVersion": obj["metadata"]["resourceVersion"],
            }
            for kind in WATCHED
            for obj in cache.of_model(kind, key)
        ]
        rollout = metrics.running.get(key)
        return web.json_response(
            {
                "cache": cached,
                "queue": queue.state(key),
                "decisions": journal.of(key),
                "checks": [asdict(judgement) for judgement in rollout.judgements] if rollout else [],
                "worst": [asdict(worst) for worst in rollout.worst] if rollout else [],
            }
        )

    async def all_models(_: web.Request) -> web.StreamResponse:
        return web.json_response({"/".join(key): queue.state(key) for key in sorted(cache.models())})

    return {"/debug/models": all_models, "/debug/models/{namespace}/{name}": model}
