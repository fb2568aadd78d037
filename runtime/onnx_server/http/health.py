"""Health of the server and of a model, and the server's metadata."""

from fastapi import APIRouter
from starlette.responses import Response

from onnx_server.http.json import answer
from onnx_server.protocol import metadata
from onnx_server.protocol.errors import unavailable
from onnx_server.state import State


def router(state: State) -> APIRouter:
    """Return the routes. Load balancers may ask for health by HEAD."""
    routes = APIRouter()

    @routes.get("/v2", summary="Server metadata")
    async def server() -> Response:
        return answer(metadata.server())

    @routes.head("/v2/health/live", include_in_schema=False)
    @routes.get("/v2/health/live", summary="200 from the start, whatever loads")
    async def live() -> Response:
        return answer({"live": True})

    @routes.head("/v2/health/ready", include_in_schema=False)
    @routes.get("/v2/health/ready", summary="200 once all models are warmed up, until SIGTERM")
    async def ready() -> Response:
        if not state.ready:
            raise unavailable(f"not ready: {state.unready}")
        return answer({"ready": True})

    @routes.get("/v2/models/{model}/ready", summary="As /v2/health/ready, for a model")
    @routes.get("/v2/models/{model}/versions/{version}/ready", include_in_schema=False)
    async def model_ready(model: str, version: str | None = None) -> Response:
        state.registry.find(model, version)
        if state.draining:
            raise unavailable(f"not ready: {state.unready}")
        return answer({"name": model, "ready": True})

    return routes
