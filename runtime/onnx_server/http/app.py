"""The ASGI apps of the OIP and metrics ports."""

from onnx_server.http import routes
from onnx_server.http.asgi import App, Message, Receive, Scope, Send, header, send_error, send_parts
from onnx_server.http.connect import PATH as CONNECT_PATH
from onnx_server.http.connection import MORE
from onnx_server.http.infer import InferRoute
from onnx_server.metrics.exposition import Metrics
from onnx_server.protocol.errors import RequestError
from onnx_server.state import State


def protocol_app(state: State, connect: App | None = None) -> App:
    """Return the app of port 8000; `connect` answers gRPC's ModelInfer there, where there is gRPC."""
    infer = InferRoute(state)
    rest = routes.build(state)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        send = _closing(state, scope, send)
        if InferRoute.matches(scope["path"]):
            await infer(scope, receive, send)
        elif connect is not None and scope["path"] == CONNECT_PATH:
            await connect(scope, receive, send)
        else:
            await rest(scope, receive, send)

    return app


def metrics_app(state: State, metrics: Metrics) -> App:
    """Return the app of port 8002: `GET /metrics` and nothing else."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] != "/metrics":
            await send_error(send, RequestError(404, f"there is nothing at {scope['path']}: metrics are at /metrics"))
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await send_error(send, RequestError(405, f"/metrics takes GET, got {scope['method']}"))
            return
        exposition, content_type = metrics.exposition(
            state.registry,
            state.traffic,
            ready=state.ready,
            accept=header(scope, b"accept") or "",
            triton_names=state.settings.metrics.triton_names,
        )
        await send_parts(send, 200, [(b"content-type", content_type.encode())], (exposition,))

    return app


def _closing(state: State, scope: Scope, send: Send) -> Send:
    """Let the answer end its connection when the server closes or has handed over: the next one finds another pod.

    Not if more has come on the connection: what came is answered, and the last answer ends it.
    """

    async def closing(message: Message) -> None:
        ends = message["type"] == "http.response.start" and state.leaving
        if ends and not scope["extensions"][MORE]["told"]():
            message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
        await send(message)

    return closing
