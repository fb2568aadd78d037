"""The benchmark's own client: one process, asynchronous, plain dicts; what it costs must not be seen."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from tests.cluster.access import Access
from tests.cluster.rest import APPLY, JSON, MERGE

Object = dict[str, Any]

AGENT: Final = "onnx-operator-benchmark"
LONGEST_EVENT: Final = 1 << 24  # bytes


class ApiError(Exception):
    """The API server refused; `code` is the HTTP status."""

    def __init__(self, method: str, path: str, code: int, body: str) -> None:
        super().__init__(f"{method} {path}: {code} {body[:500]}")
        self.code = code


@dataclass(frozen=True)
class Event:
    """A watch event: its type, the object, and when it arrived (monotonic seconds)."""

    type: str
    object: Object
    at: float


@dataclass(frozen=True)
class Api:
    """Calls to one API server."""

    session: aiohttp.ClientSession
    access: Access

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = JSON,
        query: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a 2xx answer; raise `ApiError` for others."""
        async with self.session.request(
            method,
            self.access.url + path,
            data=body,
            params=query,
            headers={"Content-Type": content_type},
            ssl=self.access.context,
        ) as answer:
            data = await answer.read()
            if answer.status >= 300:
                raise ApiError(method, path, answer.status, data.decode(errors="replace"))
            return data

    async def create(self, path: str, manifest: Object) -> None:
        """Create an object in a collection."""
        await self.call("POST", path, json.dumps(manifest).encode())

    async def apply(self, path: str, manifest: bytes, manager: str) -> None:
        """Make the object at a path by server-side apply."""
        await self.call("PATCH", path, manifest, APPLY, {"fieldManager": manager, "force": "true"})

    async def merge(self, path: str, change: Object) -> Object:
        """Merge a change into the object at a path; return the object."""
        merged: Object = json.loads(await self.call("PATCH", path, json.dumps(change).encode(), MERGE))
        return merged

    async def delete(self, path: str) -> None:
        """Delete the object at a path."""
        await self.call("DELETE", path)

    async def list(self, path: str, **query: str) -> Object:
        """Return a List."""
        listed: Object = json.loads(await self.call("GET", path, query=query))
        return listed

    async def watch(self, path: str, version: str, query: Mapping[str, str]) -> AsyncIterator[Event]:
        """Yield what happens to a collection after a resource version, until the API server ends the watch."""
        wanted = {**query, "watch": "true", "resourceVersion": version}
        async with self.session.get(self.access.url + path, params=wanted, ssl=self.access.context) as answer:
            if answer.status >= 300:
                raise ApiError("WATCH", path, answer.status, await answer.text())
            async for line in answer.content:
                at = time.monotonic()
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield Event(event["type"], event["object"], at)


@asynccontextmanager
async def connected(access: Access, agent: str = AGENT, connections: int = 64) -> AsyncIterator[Api]:
    """Give a client with at most so many connections; watches each hold one."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(
        timeout=timeout,
        read_bufsize=LONGEST_EVENT,
        connector=aiohttp.TCPConnector(limit=connections),
        headers={**access.headers, "User-Agent": agent, "Accept": JSON},
    ) as session:
        yield Api(session, access)
    await asyncio.sleep(0)  # lets transports close
