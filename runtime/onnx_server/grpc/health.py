"""grpc.health.v1: the server as a whole, and each model by its name."""

import asyncio
from typing import Any

from google.protobuf.message import DecodeError

from onnx_server.grpc.messages import message
from onnx_server.http2.call import Call
from onnx_server.http2.status import StatusCode, StatusError
from onnx_server.protocol.errors import RequestError
from onnx_server.state import Phase, State

_Request = message("grpc.health.v1.HealthCheckRequest")
_Response = message("grpc.health.v1.HealthCheckResponse")
# How soon a watcher hears of a change.
_WATCH_SECONDS = 0.2


class HealthMethods:
    """Answers health checks; a server that drains is NOT_SERVING at once."""

    def __init__(self, state: State) -> None:
        self._state = state

    def check(self, request: Any) -> Any:
        """Answer Check. Raises RequestError 404 for the name of no model, as the specification asks."""
        status = self._status(request.service)
        if status == _Response.SERVICE_UNKNOWN:
            raise RequestError(404, f"unknown service '{request.service}': it is '' or a model's name")
        return _Response(status=status)

    async def watch(self, call: Call) -> None:
        """Answer Watch: the status at once, then each change, until the client leaves or the server ends."""
        async for data in call:
            try:
                request = _Request.FromString(data)
            except DecodeError:
                text = "the message is no grpc.health.v1.HealthCheckRequest: protobuf cannot parse it"
                raise StatusError(StatusCode.INVALID_ARGUMENT, text) from None
            break
        else:
            raise StatusError(StatusCode.INTERNAL, "Watch needs one request")
        told = None
        while not call.draining:
            status = self._status(request.service)
            if status != told:
                told = status
                await call.send(_Response(status=status).SerializeToString())
            if self._state.phase == Phase.CLOSING:
                break
            await asyncio.sleep(_WATCH_SECONDS)

    def _status(self, service: str) -> int:
        if service in {"", "inference.GRPCInferenceService"}:
            serving = self._state.ready
        else:
            try:
                self._state.registry.find(service, None)
            except RequestError as error:
                known = error.status != 404
                return int(_Response.NOT_SERVING if known else _Response.SERVICE_UNKNOWN)
            serving = not self._state.draining
        return int(_Response.SERVING if serving else _Response.NOT_SERVING)
