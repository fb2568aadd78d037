"""`/v1/profile` of the control port: ask for a profile, look at it, fetch its trace."""

import os

from fastapi import FastAPI, Request
from pydantic import Field, ValidationError
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from onnx_server.control.access import Verify
from onnx_server.engine.profiles import MAX_REQUESTS, MAX_SECONDS
from onnx_server.http.json import answer
from onnx_server.protocol.errors import bad_request, unavailable
from onnx_server.settings.base import Strict
from onnx_server.state import State

_CHUNK_BYTES = 1 << 16


class ProfileRequest(Strict):
    """The body of `POST /v1/profile`: how many runs of the model, in at most how many seconds, and of which model."""

    requests: int = Field(default=100, ge=1, le=MAX_REQUESTS)
    seconds: int = Field(default=60, ge=1, le=MAX_SECONDS)
    model: str | None = None
    version: str | None = None


def install(app: FastAPI, state: State, verify: Verify) -> None:
    """Add the routes to `app`, each open to requests that pass `verify`."""

    @app.post("/v1/profile")
    async def start(request: Request) -> Response:
        verify(request)
        asked = _parsed(await request.body())
        loaded = state.main if asked.model is None else state.registry.find(asked.model, asked.version)
        if loaded is None:
            raise unavailable("no model is loaded yet: try again")
        job = state.profiles.start(loaded.profiler, loaded.name, loaded.version, asked.requests, asked.seconds)
        return answer(job.describe(), 202, {"location": f"/v1/profile/{job.id}"})

    @app.get("/v1/profile/{job_id}")
    async def show(request: Request, job_id: str) -> Response:
        verify(request)
        return answer(state.profiles.find(job_id).describe())

    @app.get("/v1/profile/{job_id}/trace")
    async def trace(request: Request, job_id: str) -> Response:
        verify(request)
        file = state.profiles.take_trace(job_id)
        headers = {
            "content-length": str(os.fstat(file.fileno()).st_size),
            "content-disposition": f'attachment; filename="{job_id}.json"',
        }
        chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
        return StreamingResponse(chunks, 200, headers, "application/json", BackgroundTask(file.close))


def _parsed(body: bytes) -> ProfileRequest:
    try:
        return ProfileRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise bad_request(problems) from None
