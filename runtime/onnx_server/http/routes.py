"""All routes of port 8000 but inference, and the OpenAPI document of all."""

from typing import Any

from fastapi import FastAPI

from onnx_server import __version__
from onnx_server.http import errors, health, models, repository, unsupported
from onnx_server.state import State

_INFER_DOC = {
    "post": {
        "summary": "Inference: JSON, or JSON with binary tensors after it (Inference-Header-Content-Length)",
        "parameters": [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {}, "application/octet-stream": {}}},
        "responses": {"200": {"description": "The outputs"}, "400": {"description": '{"error": "..."}'}},
    }
}


class _Documented(FastAPI):
    """FastAPI with the inference route, which it does not serve, in its OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document["paths"]["/v2/models/{model}/infer"] = _INFER_DOC
        return document


def build(state: State) -> FastAPI:
    """Return the app of all routes of port 8000 but inference."""
    app = _Documented(title="onnx-server", version=__version__, redoc_url=None, redirect_slashes=False)
    errors.install(app)
    for router in (health.router(state), models.router(state), repository.router(state), unsupported.router()):
        app.include_router(router)
    return app
