"""The inference route, below FastAPI: bytes in, model, bytes out."""

import asyncio
import logging
import re
import time

from onnx_server import inference
from onnx_server.http.asgi import (
    DisconnectedError,
    Receive,
    Scope,
    Send,
    header,
    read_body,
    send_error,
    send_parts,
    unless_left,
    unpacked,
)
from onnx_server.models.loaded import Loaded
from onnx_server.protocol import compression, response
from onnx_server.protocol.errors import CancelledRequestError, RequestError, internal
from onnx_server.state import State
from onnx_server.telemetry.finished import Finished

log = logging.getLogger(__name__)

_PATH = re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")
LENGTH_HEADER = b"inference-header-content-length"


class InferRoute:
    """Answers `POST /v2/models/M[/versions/V]/infer`."""

    def __init__(self, state: State) -> None:
        self._state = state

    @staticmethod
    def matches(path: str) -> bool:
        """Whether the (decoded) path is this route's."""
        return parse_path(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; any error is an answer too."""
        try:
            loaded = self._route(scope)
            await self._counted(loaded, scope, receive, send)
        except CancelledRequestError:
            return
        except RequestError as error:
            await send_error(send, error)
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            await send_error(send, internal())

    async def _counted(self, loaded: Loaded, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        statistics = loaded.statistics.transport("http")
        statistics.in_flight += 1
        finished = None if self._state.observer is None else _finished(loaded, scope)
        try:
            await self._answer(loaded, started, scope, receive, send, finished)
        except DisconnectedError:
            left = CancelledRequestError()
            self._failed(loaded, left, started, finished)
            raise left from None
        except RequestError as error:
            self._failed(loaded, error, started, finished)
            raise
        except Exception:
            self._failed(loaded, internal(), started, finished)
            raise
        finally:
            statistics.in_flight -= 1

    def _failed(self, loaded: Loaded, error: RequestError, started: float, finished: Finished | None) -> None:
        seconds = time.monotonic() - started
        loaded.statistics.transport("http").failed(inference.reason(error), error.status, seconds)
        if finished is not None and self._state.observer is not None:
            finished.code, finished.error, finished.seconds = str(error.status), error.message, seconds
            self._state.observer.finished(finished)

    async def _answer(
        self,
        loaded: Loaded,
        started: float,
        scope: Scope,
        receive: Receive,
        send: Send,
        finished: Finished | None,
    ) -> None:
        limit = self._state.settings.max_body_bytes
        body = await read_body(scope, receive, limit)
        body = await unpacked(body, header(scope, b"content-encoding"), limit)
        received = time.monotonic()
        decoded = loaded.decoder.decode(body, _header_length(scope))
        decode_seconds = time.monotonic() - received
        if finished is not None:
            finished.id, finished.rows = decoded.id, decoded.rows
        run = await unless_left(inference.infer(loaded, decoded, received), receive)
        encoding = time.monotonic()
        answer = response.encode(decoded, run.outputs, loaded.name, loaded.version)
        await _send(scope, send, answer)
        done = time.monotonic()
        loaded.statistics.transport("http").succeeded(
            request=done - started,
            queued=run.queued,
            decoded=decode_seconds,
            computed=run.computed,
            encoded=done - encoding,
        )
        if finished is not None and self._state.observer is not None:
            finished.code, finished.seconds = "200", done - started
            finished.queued, finished.computed, finished.encoded = run.queued, run.computed, done - encoding
            self._state.observer.finished(finished)

    def _route(self, scope: Scope) -> Loaded:
        if scope["method"] != "POST":
            raise RequestError(405, f"inference takes POST, got {scope['method']}", ((b"allow", b"POST"),))
        target = parse_path(scope["path"])
        if target is None:
            raise AssertionError("routed here without matches()")
        return self._state.registry.find(*target)


def _finished(loaded: Loaded, scope: Scope) -> Finished:
    return Finished(loaded.name, loaded.version, "http", header(scope, b"traceparent"), header(scope, b"tracestate"))


def parse_path(path: str) -> tuple[str, str | None] | None:
    """Return the model and version of the (decoded) path of an inference; None for any other path."""
    found = _PATH.fullmatch(path) if path.endswith("/infer") else None
    return None if found is None else (found["model"], found["version"])


def parse_header_length(value: str) -> int:
    """Return the number of Inference-Header-Content-Length. Raises RequestError 400."""
    if not (value.isascii() and value.isdigit()):
        raise RequestError(400, f"Inference-Header-Content-Length must be a number of bytes, got {value!r}")
    return int(value)


def _header_length(scope: Scope) -> int | None:
    value = header(scope, LENGTH_HEADER)
    return None if value is None else parse_header_length(value)


async def _send(scope: Scope, send: Send, answer: response.Response) -> None:
    if answer.header_length is None:
        headers = [(b"content-type", b"application/json")]
    else:
        headers = [
            (b"content-type", b"application/octet-stream"),
            (LENGTH_HEADER, str(answer.header_length).encode()),
        ]
    parts = answer.parts
    encoding = compression.choose(header(scope, b"accept-encoding") or "")
    if encoding is not None:
        parts = (await asyncio.to_thread(compression.compress, b"".join(parts), encoding),)
        headers.append((b"content-encoding", encoding.encode()))
    await send_parts(send, 200, headers, parts)
