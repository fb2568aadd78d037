"""The little of ASGI that we speak ourselves: types, reading a body under a limit, sending an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any, TypeVar

import orjson

from onnx_server.protocol import compression
from onnx_server.protocol.compression import too_large
from onnx_server.protocol.errors import RequestError, bad_request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

# Up to here copying parts together costs less than another write to the socket.
_JOIN_BYTES = 64 * 1024
# Unpacking more than this would hold up the event loop.
_UNPACK_INLINE_BYTES = 16 * 1024

T = TypeVar("T")


class DisconnectedError(Exception):
    """The client left before its request was complete."""


def header(scope: Scope, name: bytes) -> str | None:
    """Return the last value of the header `name` (lower case), or None."""
    value = None
    for key, content in scope["headers"]:
        if key == name:
            value = content
    return None if value is None else value.decode("latin-1")


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the request's body. Raises RequestError 413 over `limit` bytes (before reading, where they are told)."""
    announced = header(scope, b"content-length")
    if announced is not None:
        if not announced.isdigit():
            raise bad_request(f"Content-Length must be a number, got {announced!r}")
        if int(announced) > limit:
            raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def send_parts(send: Send, status: int, headers: Headers, parts: tuple[bytes | memoryview, ...]) -> None:
    """Send an answer whose body is `parts`; large parts are not copied."""
    length = sum(len(part) for part in parts)
    all_headers = [*headers, (b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    bodies = (b"".join(parts),) if length <= _JOIN_BYTES else parts
    for index, body in enumerate(bodies):
        await send({"type": "http.response.body", "body": body, "more_body": index + 1 < len(bodies)})


async def send_error(send: Send, error: RequestError) -> None:
    """Send an error as all clients expect it: JSON with a string `error`."""
    headers = [(b"content-type", b"application/json"), *error.headers]
    await send_parts(send, error.status, headers, (orjson.dumps({"error": error.message}),))


async def unpacked(body: bytes, encoding: str | None, limit: int) -> bytes:
    """Return the body without its Content-Encoding. Raises RequestError as `compression.decompress` does."""
    if not encoding:
        return body
    if len(body) <= _UNPACK_INLINE_BYTES:
        return compression.decompress(body, encoding, limit)
    return await asyncio.to_thread(compression.decompress, body, encoding, limit)


async def unless_left(running: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return what `running` gives; cancel it where the client leaves before. Raises DisconnectedError then."""
    task, left = asyncio.ensure_future(running), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise DisconnectedError
        return task.result()
    finally:
        task.cancel()
        left.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
