"""Paths of Triton's extensions that this server does not have: each is refused by name, with what to do instead."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.responses import Response

from onnx_server.protocol.errors import RequestError

_SHARED_MEMORY = "shared memory is not supported: send tensors in the request, in binary form"
_EXTENSIONS = {
    "/v2/systemsharedmemory/{rest:path}": _SHARED_MEMORY,
    "/v2/cudasharedmemory/{rest:path}": _SHARED_MEMORY,
    "/v2/logging": "log settings cannot be read or changed here: --log-format chooses the form of the log",
    "/v2/trace/setting": "Triton's trace extension is not supported: docs/server.md says how requests are traced",
    "/v2/models/{model}/trace/setting": "Triton's trace extension is not supported: docs/server.md says how requests "
    "are traced",
}


def router() -> APIRouter:
    """Return the routes, all of which answer 404."""
    routes = APIRouter()
    for path, message in _EXTENSIONS.items():
        routes.add_api_route(path, _refusing(message), methods=["GET", "POST"], include_in_schema=False)
    return routes


def _refusing(message: str) -> Callable[[], Awaitable[Response]]:
    async def refuse() -> Response:
        raise RequestError(404, message)

    return refuse
