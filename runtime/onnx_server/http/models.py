"""What a model is: metadata, configuration, statistics."""

from fastapi import APIRouter
from starlette.responses import Response

from onnx_server.http.json import answer
from onnx_server.models import documents
from onnx_server.state import State


def router(state: State) -> APIRouter:
    """Return the routes; those with a version are the same routes, said more exactly."""
    routes = APIRouter(prefix="/v2/models")
    registry = state.registry

    @routes.get("/stats", summary="Statistics of all models, in Triton's form")
    async def all_statistics() -> Response:
        return answer(documents.statistics_of(registry, None, None))

    @routes.get("/{model}", summary="Model metadata: inputs and outputs")
    @routes.get("/{model}/versions/{version}", include_in_schema=False)
    async def metadata(model: str, version: str | None = None) -> Response:
        return answer(documents.describe(registry, registry.find(model, version)))

    @routes.get("/{model}/config", summary="Model configuration, in Triton's form")
    @routes.get("/{model}/versions/{version}/config", include_in_schema=False)
    async def config(model: str, version: str | None = None) -> Response:
        return answer(documents.config(registry.find(model, version)))

    @routes.get("/{model}/stats", summary="Statistics of a model, in Triton's form")
    @routes.get("/{model}/versions/{version}/stats", include_in_schema=False)
    async def statistics(model: str, version: str | None = None) -> Response:
        return answer(documents.statistics_of(registry, model, version))

    return routes
