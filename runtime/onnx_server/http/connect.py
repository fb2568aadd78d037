"""ModelInfer over HTTP/1.1: the unary form of the Connect protocol (connectrpc.com/docs/protocol).

The messages are those of gRPC, and so is all that is made of them; only what is around them is here.
"""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from onnx_server.http.asgi import (
    DisconnectedError,
    Headers,
    Receive,
    Scope,
    Send,
    header,
    read_body,
    send_parts,
    unless_left,
    unpacked,
)
from onnx_server.http2.status import StatusCode, StatusError
from onnx_server.protocol.errors import RequestError

PATH = "/inference.GRPCInferenceService/ModelInfer"
CONTENT = b"application/proto"

_JSON = (b"content-type", b"application/json")
_TIMEOUT = re.compile(r"[0-9]{1,10}").fullmatch
# "Error codes" of the protocol: each code's HTTP status. Its name is the code's in small letters.
_STATUS = {
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
    StatusCode.UNAUTHENTICATED: 401,
}
# What may be wrong with a body before it is a message.
_OF_BODY = {413: StatusCode.RESOURCE_EXHAUSTED, 415: StatusCode.UNIMPLEMENTED}


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: the headers as they came, and when the client stops waiting, in seconds of time.monotonic()."""

    fields: Sequence[tuple[bytes, bytes]]
    deadline: float | None

    @property
    def metadata(self) -> list[tuple[str, str | bytes]]:
        """The headers as text."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.fields]


Answered = tuple[Sequence[bytes | memoryview], Sequence[tuple[bytes, bytes]]]
"""A message in parts, and headers for it."""
Answer = Callable[[Asking, bytes], Coroutine[Any, Any, Answered]]


class ConnectRoute:
    """Answers `POST /inference.GRPCInferenceService/ModelInfer`: a message in, a message or a JSON error out."""

    def __init__(self, answer: Answer, max_message_bytes: int) -> None:
        """Let `answer`, which raises StatusError, answer messages of at most so many bytes."""
        self._answer = answer
        self._max_bytes = max_message_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; any error is an answer too."""
        if scope["method"] != "POST":
            refusal = StatusError(StatusCode.UNIMPLEMENTED, f"ModelInfer takes POST, got {scope['method']}")
            await _send_error(send, refusal, 405, [(b"allow", b"POST")])
            return
        content = (header(scope, b"content-type") or "").split(";")[0].strip().lower()
        if content != CONTENT.decode():
            refusal = StatusError(StatusCode.UNIMPLEMENTED, f"Content-Type must be application/proto, got '{content}'")
            await _send_error(send, refusal, 415, [(b"accept-post", CONTENT)])
            return
        try:
            parts, headers = await self._answered(scope, receive)
        except DisconnectedError:
            return
        except StatusError as error:
            await _send_error(send, error, _STATUS[error.code])
        except RequestError as error:
            code = _OF_BODY.get(error.status, StatusCode.INVALID_ARGUMENT)
            text = error.message
            if code == StatusCode.RESOURCE_EXHAUSTED:
                text = f"a message of over {self._max_bytes} bytes: at most these are taken (maxMessageBytes)"
            await _send_error(send, StatusError(code, text), _STATUS[code], error.headers)
        else:
            await send_parts(send, 200, [(b"content-type", CONTENT), *headers], tuple(parts))

    async def _answered(self, scope: Scope, receive: Receive) -> Answered:
        version = header(scope, b"connect-protocol-version")
        if version not in {None, "1"}:
            text = f"connect-protocol-version must be 1, got {version!r}"
            raise StatusError(StatusCode.INVALID_ARGUMENT, text)
        seconds = _seconds(header(scope, b"connect-timeout-ms"))
        asking = Asking(scope["headers"], None if seconds is None else time.monotonic() + seconds)
        try:
            async with asyncio.timeout(seconds):
                body = await read_body(scope, receive, self._max_bytes)
                body = await unpacked(body, header(scope, b"content-encoding"), self._max_bytes)
                return await unless_left(self._answer(asking, body), receive)
        except TimeoutError:
            raise StatusError(StatusCode.DEADLINE_EXCEEDED, "the deadline passed") from None


def _seconds(timeout: str | None) -> float | None:
    """Return connect-timeout-ms in seconds. Raises StatusError for what is none, and for 0, which has passed."""
    if timeout is None:
        return None
    if _TIMEOUT(timeout) is None:
        text = f"connect-timeout-ms must be 1 to 10 digits, got {timeout[:32]!r}"
        raise StatusError(StatusCode.INVALID_ARGUMENT, text)
    if not int(timeout):
        raise StatusError(StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the call came")
    return int(timeout) / 1e3


async def _send_error(send: Send, error: StatusError, status: int, headers: Headers = ()) -> None:
    body = orjson.dumps({"code": _name(error.code), "message": error.text})
    await send_parts(send, status, [_JSON, *headers], (body,))


def _name(code: StatusCode) -> str:
    """Return the protocol's name of a code, which spells one of them as Americans do."""
    return "canceled" if code == StatusCode.CANCELLED else code.name.lower()
