"""The app of the control port."""

from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response

from onnx_server import __version__
from onnx_server.control import profile, split, worst
from onnx_server.control.access import verifier
from onnx_server.control.facts import facts
from onnx_server.http import errors
from onnx_server.http.json import answer
from onnx_server.state import State


def control_app(state: State, live: Path | None) -> FastAPI:
    """Return the app of port 9000; `live` is the directory with the operator's public keys."""
    app = FastAPI(title="onnx-server control", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    errors.install(app)
    verify = verifier(live, state.pod_uid)

    @app.get("/v1/facts")
    def get_facts(request: Request) -> Response:
        verify(request)
        return answer(facts(state))

    profile.install(app, state, verify)
    split.install(app, state, verify)
    worst.install(app, state, verify)
    return app
