"""The quick way while there is a split: who answers is asked anew where it matters, and what is counted is exact."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from onnx_server.engine.statistics import ModelStatistics
from onnx_server.http.connection import Limits
from onnx_server.http.exchange import Exchange
from onnx_server.http.quick import QuickConnection, quick_connection
from onnx_server.http.split_exchange import ObservedExchange, SplitExchange
from onnx_server.protocol.decoder import Decoder
from onnx_server.state import Phase
from onnx_server.traffic.split import Address, Split
from onnx_server.traffic.traffic import Traffic
from tests.unit.server.scheduling import until
from tests.unit.server.traffic.test_shadow import FakeModel

SOMEWHERE = (Address("one", "127.0.0.1", 1),)
OBSERVED = Split(1, "digits-b", 0, SOMEWHERE, course="c")
GOOD = b'{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1.0]}]}'
BAD = GOOD.replace(b"FP32", b"FP64")


@dataclass
class Served(FakeModel):
    """A model as requests over HTTP find it."""

    version: str = "a"
    statistics: ModelStatistics = field(default_factory=ModelStatistics)
    cache: None = None
    default_timeout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.decoder = Decoder(self.signature, None)


class Transport:
    """Notes what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.written.append(data)


async def _other(_scope: object, _receive: object, _send: object) -> None:
    raise AssertionError("not on the quick way")


class Client:
    """One connection to a pod of version a."""

    def __init__(self) -> None:
        self.model = Served()
        self.traffic = Traffic("digits-a", random.Random(0))
        state: Any = SimpleNamespace(
            phase=Phase.READY,
            observer=None,
            traffic=self.traffic,
            registry=SimpleNamespace(find=lambda name, version: self.model),
            settings=SimpleNamespace(max_body_bytes=1 << 20),
        )
        made: Any = quick_connection(state, Limits(1 << 14, 10, 60.0))
        config = uvicorn.Config(_other, lifespan="off", log_config=None)
        config.load()
        self.connection: QuickConnection = made(config=config, server_state=ServerState(), app_state={})
        self.transport: Any = Transport()
        self.connection.connection_made(self.transport)

    def begin(self, body: bytes, head: bytes, version: bytes) -> object:
        """Send a request, all in one; return what has begun."""
        path = b"/v2/models/digits" + version + b"/infer"
        lines = b"POST %b HTTP/1.1\r\nhost: any\r\n%bcontent-length: %d\r\n\r\n" % (path, head, len(body))
        self.connection.data_received(lines + body)
        return self.connection._exchange

    async def ask(self, body: bytes = GOOD, head: bytes = b"", version: bytes = b"") -> type:
        """Return the kind of exchange that has answered with 200, or for a bad body with 400."""
        before = len(self.transport.written)
        kinds: list[type] = []
        self.connection._take = self._noting(kinds)  # type: ignore[method-assign]
        self.begin(body, head, version)
        await until(lambda: len(self.transport.written) > before)
        assert self.transport.written[-1].startswith(b"HTTP/1.1 200" if body == GOOD else b"HTTP/1.1 400")
        assert self.model.statistics.http.in_flight == 0
        return kinds[0]

    def _noting(self, kinds: list[type]) -> Callable[..., Exchange]:
        def take(*arguments: Any) -> Exchange:
            exchange = QuickConnection._take(self.connection, *arguments)
            kinds.append(type(exchange))
            return exchange

        return take

    @property
    def counted(self) -> Any:
        """Requests and errors of this pod's own, in this course."""
        evidence: Any = self.traffic.describe()["evidence"]
        return evidence["stable"]["requests"], evidence["stable"]["errors"]


def play(story: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        client = Client()
        await story(client)
        client.traffic.close()
        client.model.scheduler.close()

    asyncio.run(main())


def test_each_answer_is_counted_once() -> None:
    async def story(client: Client) -> None:
        assert await client.ask() is Exchange
        client.traffic.apply(OBSERVED)
        assert await client.ask() is SplitExchange  # which asks the rules
        for turn in range(20):
            assert await client.ask(GOOD if turn % 2 else BAD) is ObservedExchange
        assert (client.counted, client.traffic.asked) == ((21, 0), 21)
        assert len(client.traffic._latencies._new) == 11
        ((_, waiting),) = client.traffic._evidence.pairs._own.items()
        assert len(waiting) == 11

    play(story)


def test_errors_of_this_pod_are_counted_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(client: Client) -> None:
        client.traffic.apply(OBSERVED)
        await client.ask()

        def broken(*_: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(client.model.decoder, "decode", broken)
        for _ in range(3):
            client.begin(GOOD, b"", b"")
        assert client.transport.written[-1].startswith(b"HTTP/1.1 500")
        assert client.counted == (4, 3)

    play(story)


@pytest.mark.parametrize(
    ("head", "version", "count"),
    [(b"onnx-forwarded: digits-0\r\n", b"", 0), (b"", b"/versions/a", 0), (b"", b"/versions/b", 4)],
)
def test_heads_that_are_not_counted(head: bytes, version: bytes, count: int) -> None:
    async def story(client: Client) -> None:
        client.traffic.apply(OBSERVED)
        await client.ask()
        for _ in range(4):
            kind = await client.ask(head=head, version=version)
            assert count or kind is not ObservedExchange
        assert client.counted == (1 + count, 0)

    play(story)


def test_another_split_is_asked_anew() -> None:
    async def story(client: Client) -> None:
        client.traffic.apply(OBSERVED)
        for _ in range(3):
            await client.ask()
        client.traffic.apply(Split(2, "digits-b", 0, SOMEWHERE, course="another"))
        assert await client.ask() is SplitExchange
        assert await client.ask() is ObservedExchange
        assert client.counted == (2, 0)
        client.traffic.apply(Split(3, "digits-b", 100, SOMEWHERE, course="another"))
        for _ in range(2):  # nobody listens there, so this pod answers
            assert await client.ask() is SplitExchange
        assert client.counted == (2, 0)
        client.traffic.apply(Split(4, None))
        assert await client.ask() is Exchange

    play(story)


def test_who_leaves_before_the_body_has_come_is_not_counted() -> None:
    async def story(client: Client) -> None:
        client.traffic.apply(OBSERVED)
        for known in (0, 2):
            for _ in range(known):
                await client.ask()
            head = b"POST /v2/models/digits/infer HTTP/1.1\r\nhost: any\r\ncontent-length: %d\r\n\r\n" % len(GOOD)
            client.connection.data_received(head)
            kind: type = ObservedExchange if known else SplitExchange
            assert type(client.connection._exchange) is kind
            client.connection.connection_lost(ConnectionResetError())
            assert client.model.statistics.http.in_flight == 0
            assert client.counted == (known, 0)
            client.connection = type(client.connection)(
                config=client.connection.config, server_state=ServerState(), app_state={}
            )
            client.connection.connection_made(client.transport)

    play(story)
