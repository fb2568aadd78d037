"""The inference route, below FastAPI: bytes in, model, bytes out."""

import asyncio
import logging
import re
import time

from onnx_server.engine.model import ModelError
from onnx_server.engine.runner import QueueFullError
from onnx_server.http.asgi import DisconnectedError, Receive, Scope, Send, header, read_body, send_error, send_parts
from onnx_server.metrics import FailureReason, Metrics
from onnx_server.protocol import compression, request, response
from onnx_server.protocol.errors import RequestError
from onnx_server.state import Serving, State

log = logging.getLogger(__name__)

_PATH = re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")
_LENGTH_HEADER = b"inference-header-content-length"
# Unpacking more than this would hold up the event loop.
_UNPACK_INLINE_BYTES = 16 * 1024


class InferRoute:
    """Answers `POST /v2/models/M[/versions/V]/infer`."""

    def __init__(self, state: State, metrics: Metrics) -> None:
        self._state = state
        self._metrics = metrics

    @staticmethod
    def matches(path: str) -> bool:
        """Whether the (decoded) path is this route's."""
        return path.endswith("/infer") and _PATH.fullmatch(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; any error is an answer too."""
        self._metrics.in_flight.inc()
        try:
            await self._answer(scope, receive, send)
        except RequestError as error:
            self._metrics.failed(_reason(error))
            await send_error(send, error)
        except DisconnectedError:
            self._metrics.failed("CANCELED")
        except Exception:
            self._metrics.failed("OTHER")
            log.exception("bug: an inference request failed unexpectedly")
            await send_error(send, RequestError(500, "internal error: the server's log has the trace"))
        finally:
            self._metrics.in_flight.dec()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        serving = self._route(scope)
        settings = self._state.settings
        body = await read_body(scope, receive, settings.max_body_bytes)
        body = await _unpacked(body, header(scope, b"content-encoding"), settings.max_body_bytes)
        received = time.monotonic()
        signature = serving.model.signature
        decoded = request.decode(body, _header_length(scope), signature, settings.max_batch_size)
        decode_seconds = time.monotonic() - received
        try:
            run = await serving.runner.run(decoded.inputs, [output.spec.name for output in decoded.outputs])
        except QueueFullError:
            message = "the queue is full: try again, or add replicas"
            raise RequestError(503, message, ((b"retry-after", b"1"),)) from None
        except ModelError as error:
            raise RequestError(400 if error.of_input else 500, f"the model failed: {error.message}") from error
        encoding = time.monotonic()
        answer = response.encode(decoded, run.outputs, self._state.model_name, self._state.model_version)
        await _send(scope, send, answer)
        done = time.monotonic()
        self._metrics.succeeded(
            rows=decoded.rows,
            request=done - started,
            queued=run.queued,
            decoded=decode_seconds,
            computed=run.computed,
            encoded=done - encoding,
        )

    def _route(self, scope: Scope) -> Serving:
        if scope["method"] != "POST":
            raise RequestError(405, f"inference takes POST, got {scope['method']}", ((b"allow", b"POST"),))
        found = _PATH.fullmatch(scope["path"])
        if found is None:
            raise AssertionError("routed here without matches()")
        check_model(self._state, found["model"], found["version"])
        if self._state.serving is None:
            raise not_ready()
        return self._state.serving


def check_model(state: State, model: str, version: str | None) -> None:
    """Raise RequestError 404 unless `model` (and `version`, if given) is what this server serves."""
    if model != state.model_name:
        raise RequestError(404, f"unknown model '{model}': this server has '{state.model_name}'")
    if version is not None and version != state.model_version:
        raise RequestError(404, f"unknown version '{version}' of model '{model}': there is '{state.model_version}'")


def not_ready() -> RequestError:
    """Return the 503 for a request that came before the model is loaded."""
    return RequestError(503, "the model is loading: try again", ((b"retry-after", b"1"),))


def _reason(error: RequestError) -> FailureReason:
    if error.status == 503:
        return "REJECTED"
    return "BACKEND" if error.status == 500 else "OTHER"


def _header_length(scope: Scope) -> int | None:
    value = header(scope, _LENGTH_HEADER)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise RequestError(400, f"Inference-Header-Content-Length must be a number of bytes, got {value!r}")
    return int(value)


async def _unpacked(body: bytes, encoding: str | None, limit: int) -> bytes:
    if not encoding:
        return body
    if len(body) <= _UNPACK_INLINE_BYTES:
        return compression.decompress(body, encoding, limit)
    return await asyncio.to_thread(compression.decompress, body, encoding, limit)


async def _send(scope: Scope, send: Send, answer: response.Response) -> None:
    if answer.header_length is None:
        headers = [(b"content-type", b"application/json")]
    else:
        headers = [
            (b"content-type", b"application/octet-stream"),
            (_LENGTH_HEADER, str(answer.header_length).encode()),
        ]
    parts = answer.parts
    encoding = compression.choose(header(scope, b"accept-encoding") or "")
    if encoding is not None:
        parts = (await asyncio.to_thread(compression.compress, b"".join(parts), encoding),)
        headers.append((b"content-encoding", encoding.encode()))
    await send_parts(send, 200, headers, parts)
