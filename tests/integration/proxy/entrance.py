"""One operator's way to the API server: an HTTP server on loopback that forwards, with the faults of its plan."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.integration.proxy.calls import Call
from tests.integration.proxy.faults import Answer, Crash, Cut, Fault, Silence, StaleList
from tests.integration.proxy.plan import Plan, Rule, any_call
from tests.integration.proxy.record import Entry, Record
from tests.integration.proxy.streams import CUT, Ending, Streams

HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "accept-encoding"}

LoopCall = Callable[[Callable[[], int]], int]


class Entrance:
    """The door of one operator; `name` is added to its User-Agent, so that the audit log tells operators apart.

    Writes of a namespace are let through one after the other, so that what had landed at a crash is known exactly.
    `plan` and `edits` may be filled at any time, `record` be read. Methods are for the test's thread.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, name: str, kubeconfig: Path, on_loop: LoopCall
    ) -> None:
        self.name, self.kubeconfig = name, kubeconfig
        self.plan, self.record, self.closed = Plan(), Record(), False
        self._session, self._url, self._on_loop = session, url, on_loop
        self._streams = Streams()
        self.edits = self._streams.edits
        self._turns: dict[str | None, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lists: dict[str, bytes] = {}
        self._remembers = False
        self._wall: Rule | None = None
        self._healed = asyncio.Event()

    def end_watches(self, ending: Ending, resource: str | None = None) -> int:
        """End the open watches of a resource, or all; return how many there were."""
        return self._on_loop(lambda: self._streams.end(ending, resource))

    def remember_lists(self) -> None:
        """Keep the first answer to each LIST from now on: what StaleList answers."""
        self._lists, self._remembers = {}, True

    def remember(self, call: Call, answer: bytes) -> None:
        """Keep an answer to a LIST: what StaleList answers from now on."""
        self._lists[call.selection] = answer

    def cut_off(self, matches: Callable[[Call], bool] = any_call) -> None:
        """Cut the operator off: calls get no answer, or those that match; if it is all of them, watches break, too."""
        self._wall = self.plan.add(Rule(Silence(), matches=matches))
        if matches is any_call:
            self.end_watches(CUT)

    def let_through(self) -> None:
        """Let a cut-off operator through again; connections on which it still waits for an answer break."""
        assert self._wall is not None
        self.plan.end(self._wall)
        self._on_loop(self._heal)

    def _heal(self) -> int:
        healed, self._healed = self._healed, asyncio.Event()
        healed.set()
        return 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        call = Call.of(request.method, request.rel_url.raw_path, request.rel_url.raw_query_string)
        entry = self.record.came(call)
        body = await request.read()
        if not call.write:
            return await self._answer(call, request, body, entry)
        async with self._turns[call.namespace]:
            return await self._answer(call, request, body, entry)

    async def _answer(self, call: Call, request: web.Request, body: bytes, entry: Entry) -> web.StreamResponse:
        if self.closed:
            return _abort(request)
        fault: Fault | None = self.plan.fault(call)
        match fault:
            case Answer():
                entry.code = fault.code
                return web.Response(status=fault.code, headers=fault.headers, body=fault.body)
            case Silence():
                await self._healed.wait()  # cancelled when the client goes
                return _abort(request)
            case Cut(landed=False):
                return _abort(request)
            case StaleList() if call.selection in self._lists:
                entry.code = 200
                return _response(200, {"Content-Type": "application/json"}, self._lists[call.selection])
        return await self._forward(call, request, body, entry, fault)

    async def _forward(
        self, call: Call, request: web.Request, body: bytes, entry: Entry, fault: Fault | None
    ) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["User-Agent"] = f"{headers.get('User-Agent', '')} {self.name}"
        url = f"{self._url}{request.rel_url.raw_path_qs}"
        timeout = aiohttp.ClientTimeout(total=None)
        try:
            async with self._session.request(
                call.method, url, headers=headers, data=body or None, timeout=timeout
            ) as upstream:
                entry.code = upstream.status
                if call.watch and upstream.status == 200:
                    return await self._streams.relay(call, upstream, request)
                data = await upstream.read()
        except aiohttp.ClientError:  # the API server is not there: the operator sees what it would see
            return _abort(request)
        entry.answered = asyncio.get_running_loop().time()
        if call.listing and self._remembers and upstream.status == 200 and "continue" not in call.parameters:
            self._lists.setdefault(call.selection, data)
        match fault:
            case Crash():
                self.closed = True
                fault.kill()
                return _abort(request)
            case Cut():
                return _abort(request)
        return _response(upstream.status, upstream.headers, data)


def _response(code: int, headers: Mapping[str, str], data: bytes) -> web.Response:
    kept = {name: value for name, value in headers.items() if name.lower() in ("content-type", "retry-after")}
    return web.Response(status=code, headers=kept, body=data)


def _abort(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def kubeconfig(through: str, original: Path) -> str:
    """Return a kubeconfig with the user of another one, for an entrance at this URL."""
    config = json.loads(original.read_text())
    config["clusters"][0]["cluster"] = {"server": through}
    return json.dumps(config)
