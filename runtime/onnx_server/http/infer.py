"""The inference route, below FastAPI: bytes in, model, bytes out."""

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from functools import partial

from onnx_server import inference
from onnx_server.engine.work import Run
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
from onnx_server.protocol.request import InferRequest
from onnx_server.state import State
from onnx_server.telemetry.finished import Finished
from onnx_server.traffic.arms import Arm
from onnx_server.traffic.awaited import ask
from onnx_server.traffic.message import FORWARDED, RAN, Answer, Request, head
from onnx_server.traffic.ran import ran

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
            # A model is found and its request counted in one turn of the loop: between them it could be unloaded.
            await _Exchange(self._state, *self._route(scope), scope, receive, send).answer()
        except CancelledRequestError:
            return
        except RequestError as error:
            await send_error(send, error)
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            await send_error(send, internal())

    def _route(self, scope: Scope) -> tuple[Loaded, str | None]:
        if scope["method"] != "POST":
            raise RequestError(405, f"inference takes POST, got {scope['method']}", ((b"allow", b"POST"),))
        target = parse_path(scope["path"])
        if target is None:
            raise AssertionError("routed here without matches()")
        name, version = target
        try:
            return self._state.registry.find(name, version), version
        except RequestError:
            if version is None or not self._state.traffic.took_over(version):
                raise
            return self._state.registry.find(name, None), version


@dataclass(frozen=True, slots=True)
class _Ran:
    """This pod's answer. Durations in seconds, moments in those of time.monotonic()."""

    request: InferRequest
    answer: response.Response
    run: Run
    received: float
    decoded: float
    encoding_began: float
    encoded: float


class _Exchange:
    """A request and what is counted of it, once."""

    def __init__(
        self, state: State, loaded: Loaded, version: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._state = state
        self._loaded = loaded
        self._version = version
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = time.monotonic()
        self._statistics = loaded.statistics.transport("http")
        self._finished = None if state.observer is None else _finished(loaded, scope)
        self._arm = Arm.UNCOUNTED
        self._ours = True
        """Whether this pod has worked on it: what a candidate alone has seen is not counted as this model's."""

    async def answer(self) -> None:
        """Answer, and count it. Raises RequestError."""
        self._statistics.in_flight += 1
        try:
            await self._answer()
        except DisconnectedError:
            left = CancelledRequestError()
            self._failed(left)
            raise left from None
        except RequestError as error:
            self._failed(error)
            raise
        except Exception:
            self._failed(internal())
            raise
        finally:
            self._statistics.in_flight -= 1

    async def _answer(self) -> None:
        body = await read_body(self._scope, self._receive, self._state.settings.max_body_bytes)
        traffic = self._state.traffic
        if self._version not in {None, self._loaded.version}:
            self._arm = Arm.PREVIEW  # which this pod could not answer
        elif traffic.active:
            self._arm = traffic.route(self._scope["headers"], self._version)
        own = partial(self._run, body)
        if self._arm is Arm.CANDIDATE or self._arm is Arm.PREVIEW:
            self._ours = False
            asked = ask(traffic, self._arm, self._request(body), own)
            got = await unless_left(asked, self._receive)
            if isinstance(got, Answer):
                await self._send_forwarded(got)
                return
            own_answer = got.value
        else:
            own_answer = await unless_left(own(), self._receive)
        await _send(self._scope, self._send, own_answer.answer, self._how(own_answer))
        self._succeeded(own_answer)

    def _request(self, body: bytes) -> Request:
        scope = self._scope
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        return Request(head(target, scope["headers"]), body)

    async def _run(self, body: bytes) -> _Ran:
        self._ours = True
        loaded, limit = self._loaded, self._state.settings.max_body_bytes
        body = await unpacked(body, header(self._scope, b"content-encoding"), limit)
        received = time.monotonic()
        decoded = loaded.decoder.decode(body, _header_length(self._scope))
        decode_seconds = time.monotonic() - received
        if self._finished is not None:
            self._finished.id, self._finished.rows = decoded.id, decoded.rows
        run = await inference.infer(loaded, decoded, received)
        encoding_began = time.monotonic()
        answer = response.encode(decoded, run.outputs, loaded.name, loaded.version)
        return _Ran(decoded, answer, run, received, decode_seconds, encoding_began, time.monotonic())

    def _how(self, own: _Ran) -> list[tuple[bytes, bytes]]:
        """Return the header that tells another pod how its request ran."""
        if header(self._scope, FORWARDED) is None:
            return []
        how = ran(own.run, own.encoded - own.received - own.run.queued)
        return [] if how is None else [(RAN, how.header())]

    async def _send_forwarded(self, answer: Answer) -> None:
        await send_parts(self._send, answer.status, answer.headers, tuple(answer.parts))
        if self._finished is not None:
            self._finished.forwarded_to = self._state.traffic.revision
        self._tell(str(answer.status), None if answer.status == 200 else f"the candidate answered {answer.status}")

    def _succeeded(self, own: _Ran) -> None:
        done = time.monotonic()
        encoded = done - own.encoding_began
        self._statistics.succeeded(
            request=done - self._started,
            queued=own.run.queued,
            decoded=own.decoded,
            computed=own.run.computed,
            encoded=encoded,
        )
        if self._finished is not None:
            finished = self._finished
            finished.queued, finished.computed, finished.encoded = own.run.queued, own.run.computed, encoded
        self._count(200, own.run)
        self._tell("200", None)
        if self._arm is Arm.STABLE and (shadow := self._state.traffic.shadow) is not None and shadow.takes(done):
            json = own.decoded if _header_length(self._scope) is None else 0.0
            json += own.encoded - own.encoding_began if own.answer.header_length is None else 0.0
            shadow.copy(self._loaded, own.request, own.run, own.encoded - own.received, json)

    def _failed(self, error: RequestError) -> None:
        if self._ours:
            self._statistics.failed(inference.reason(error), error.status, time.monotonic() - self._started)
            self._count(error.status)
        self._tell(str(error.status), error.message)

    def _count(self, status: int, run: Run | None = None) -> None:
        """Count an own answer for the comparison of the arms, and apart if another pod forwarded it."""
        if self._arm is Arm.STABLE:
            self._state.traffic.answered_here(status, time.monotonic() - self._started, run)
        elif header(self._scope, FORWARDED) is not None:
            self._state.traffic.arrived(succeeded=status == 200)

    def _tell(self, code: str, error: str | None) -> None:
        if self._finished is not None and self._state.observer is not None:
            finished = self._finished
            finished.code, finished.error, finished.seconds = code, error, time.monotonic() - self._started
            self._state.observer.finished(finished)


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


async def _send(scope: Scope, send: Send, answer: response.Response, more: list[tuple[bytes, bytes]]) -> None:
    if answer.header_length is None:
        headers = [*more, (b"content-type", b"application/json")]
    else:
        headers = [
            *more,
            (b"content-type", b"application/octet-stream"),
            (LENGTH_HEADER, str(answer.header_length).encode()),
        ]
    parts = answer.parts
    encoding = compression.choose(header(scope, b"accept-encoding") or "")
    if encoding is not None:
        parts = (await asyncio.to_thread(compression.compress, b"".join(parts), encoding),)
        headers.append((b"content-encoding", encoding.encode()))
    await send_parts(send, 200, headers, parts)
