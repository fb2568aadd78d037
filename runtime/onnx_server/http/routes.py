"""The protocol's health and metadata routes, and the OpenAPI document."""

from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from onnx_server import __version__
from onnx_server.http import errors
from onnx_server.http.json import answer
from onnx_server.protocol.errors import unavailable
from onnx_server.state import State

EXTENSIONS = ["classification", "binary_tensor_data", "parameters"]
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

    @app.get("/v2", summary="Server metadata")
    async def server() -> Response:
        return answer({"name": "onnx-server", "version": __version__, "extensions": EXTENSIONS})

    @app.get("/v2/health/live", summary="200 from the start, whatever loads")
    async def live() -> Response:
        return answer({"live": True})

    @app.get("/v2/health/ready", summary="200 once the model is warmed up, until SIGTERM")
    async def ready() -> Response:
        _check_ready(state)
        return answer({"ready": True})

    @app.get("/v2/models/{model}/ready", summary="As /v2/health/ready, for the model")
    @app.get("/v2/models/{model}/versions/{version}/ready", include_in_schema=False)
    async def model_ready(model: str, version: str | None = None) -> Response:
        state.registry.find(model, version)
        _check_ready(state)
        return answer({"name": model, "ready": True})

    @app.get("/v2/models/{model}", summary="Model metadata: inputs and outputs")
    @app.get("/v2/models/{model}/versions/{version}", include_in_schema=False)
    async def metadata(model: str, version: str | None = None) -> Response:
        loaded = state.registry.find(model, version)
        signature = loaded.signature.describe()
        document = {"name": model, "versions": [loaded.version], "platform": "onnxruntime_onnx", **signature}
        return answer(document)

    return app


def _check_ready(state: State) -> None:
    if not state.ready:
        raise unavailable(f"not ready: {state.phase.value.lower()}")
