"""Triton's model repository extension: what there is, load, unload."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from onnx_server.http.asgi import read_body
from onnx_server.http.json import answer
from onnx_server.models.index import index
from onnx_server.models.lifecycle import FORBIDDEN
from onnx_server.protocol import repository_request
from onnx_server.protocol.errors import RequestError
from onnx_server.state import State


def router(state: State) -> APIRouter:
    """Return the routes. They answer when the load is done, or the unload begun."""
    routes = APIRouter(prefix="/v2/repository")

    async def body_of(request: Request) -> bytes:
        return await read_body(request.scope, request.receive, state.settings.max_body_bytes)

    @routes.post("/index", summary="All models and versions, and where they stand")
    async def list_all(request: Request) -> Response:
        ready = repository_request.ready_only(await body_of(request))
        return answer(await index(state.lifecycle, state.registry, ready=ready))

    @routes.post("/models/{model}/load", summary="Load a model, or load it again without losing a request")
    async def load(model: str, request: Request) -> Response:
        _check_allowed(state)
        repository_request.check_load(await body_of(request))
        await state.lifecycle.load(model)
        return Response(media_type="application/json")

    @routes.post("/models/{model}/unload", summary="Unload a model; what is in flight finishes")
    async def unload(model: str, request: Request) -> Response:
        _check_allowed(state)
        repository_request.check_unload(await body_of(request))
        await state.lifecycle.unload(model)
        return Response(media_type="application/json")

    return routes


def _check_allowed(state: State) -> None:
    if not state.controlled:
        raise RequestError(403, FORBIDDEN)
