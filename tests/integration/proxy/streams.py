"""The open watch streams of an entrance: events go through, and a test may end them in an ugly way."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.integration.proxy.calls import Call
from tests.integration.proxy.events import Editor, Edits
from tests.integration.proxy.faults import status

LONGEST_HOLD = 1.0
"""Seconds for which an event waits for another one to follow."""


@dataclass(frozen=True)
class Ending:
    """How a stream ends: these bytes come last; then it ends as it should, or is `cut`."""

    last: bytes
    cut: bool = False


def error_event(code: int) -> Ending:
    """Return the end by an ERROR event."""
    return Ending(json.dumps({"type": "ERROR", "object": status(code)}).encode() + b"\n")


TORN = Ending(b'{"type":"MODIFIED","object":{"kind":"ONNXMo')
"""The end in the middle of a line."""

CUT = Ending(b"", cut=True)
"""The end of the connection, without a word."""


@dataclass
class Streams:
    """All open streams; belongs to the proxy's loop."""

    edits: Edits = field(default_factory=Edits)
    _open: dict[asyncio.Queue[bytes | Ending | None], str] = field(default_factory=dict)

    def end(self, ending: Ending, resource: str | None = None) -> int:
        """End the streams of a resource, or all; return how many there were."""
        ended = [queue for queue, of in self._open.items() if resource in (None, of)]
        for queue in ended:
            queue.put_nowait(ending)
        return len(ended)

    async def relay(self, call: Call, upstream: aiohttp.ClientResponse, request: web.Request) -> web.StreamResponse:
        """Pass a stream on until either side ends it, or a test does."""
        response = web.StreamResponse(status=upstream.status, headers={"Content-Type": upstream.content_type})
        response.enable_chunked_encoding()
        await response.prepare(request)
        queue: asyncio.Queue[bytes | Ending | None] = asyncio.Queue()
        editor = Editor(self.edits, call.resource)
        pump = asyncio.create_task(_pump(upstream, queue))
        self._open[queue] = call.resource
        try:
            while True:
                try:
                    item = await asyncio.wait_for(queue.get(), LONGEST_HOLD if editor.holds else None)
                except TimeoutError:
                    await _write(response, editor.let_go())
                    continue
                if isinstance(item, bytes):
                    await _write(response, editor.passed(item))
                    continue
                if item is not None:
                    await response.write(item.last)
                if item is not None and item.cut and request.transport is not None:
                    request.transport.abort()
                return response
        except ConnectionError:  # the operator has gone
            return response
        finally:
            del self._open[queue]
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump


async def _write(response: web.StreamResponse, lines: list[bytes]) -> None:
    for line in lines:
        await response.write(line)


async def _pump(upstream: aiohttp.ClientResponse, queue: asyncio.Queue[bytes | Ending | None]) -> None:
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async for line in lines(upstream.content):
            queue.put_nowait(line)
    queue.put_nowait(None)


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield whole lines of any length, each with its end."""
    buffer = b""
    async for data in content.iter_any():
        *whole, buffer = (buffer + data).split(b"\n")
        for line in whole:
            yield line + b"\n"
