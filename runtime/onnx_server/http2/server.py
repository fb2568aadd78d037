"""The server's side of all connections: methods in, clients out."""

import asyncio
import ssl as tls
import time
from collections.abc import Callable, Mapping
from typing import Final

from .call import Call, Message
from .connection import Connection
from .limits import GrpcLimits
from .request import Method
from .status import StatusCode, StatusError

SWEEP_SECONDS: Final = 1.0


class Server:
    """A gRPC server's transport on the running event loop.

    `methods` are by their path, "/package.Service/Method". Listen with
    `loop.create_server(server.protocol_factory, ..., ssl=server.ssl)`; end by closing the listener, then `drain`.
    While `leaving` says so, clients are asked to go elsewhere: new ones with their first answer, as one that were asked
    at once might come again and again and never have one; those that are there by `leave`.
    `connections` are the open ones; `buffered` is what they hold of unfinished messages, in bytes; `clock` is
    time.monotonic() about a second ago at most.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        limits: GrpcLimits | None = None,
        ssl: tls.SSLContext | None = None,
        leaving: Callable[[], bool] = bool,
    ) -> None:
        self.methods: Final = {path.encode(): method for path, method in methods.items()}
        self.limits: Final = limits or GrpcLimits()
        self.ssl: Final = ssl
        if ssl is not None:
            ssl.minimum_version = max(ssl.minimum_version, tls.TLSVersion.TLSv1_2)  # RFC 9113 §9.2
            ssl.set_alpn_protocols(["h2"])
        self.leaving: Final = leaving
        self.connections: Final[set[Connection]] = set()
        self.draining = False
        self.buffered = 0
        self.clock: float = time.monotonic()
        self._sweeping: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def protocol_factory(self) -> Connection:
        """Return the protocol of a new connection: to be given, not called, to loop.create_server."""
        if self._sweeping is None:  # nobody kept the clock while there was nobody
            self.clock = time.monotonic()
        return Connection(self)

    async def drain(self, grace: float | None = None) -> None:
        """End all connections politely, and those that come; return when none is left.

        Calls under way are finished; long streams end between two messages. What is left after `grace` seconds is cut.
        """
        self.draining = True
        self.leave()
        try:
            await asyncio.wait_for(self._empty.wait(), grace)
        except TimeoutError:
            for connection in list(self.connections):
                connection.abort()

    def leave(self) -> None:
        """End all connections politely, as `drain` does, and go on with those that come."""
        for connection in list(self.connections):
            connection.lifetime.drain()

    def add(self, connection: Connection) -> None:
        """Count a connection that was made."""
        self.connections.add(connection)
        self._empty.clear()
        if self._sweeping is None:
            self._sweeping = connection.loop.call_later(SWEEP_SECONDS, self._sweep)

    def remove(self, connection: Connection) -> None:
        """Count a connection out that was lost."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()
            if self._sweeping is not None:
                self._sweeping.cancel()
                self._sweeping = None

    def _sweep(self) -> None:
        self.clock = now = time.monotonic()
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        for connection in list(self.connections):
            connection.lifetime.sweep(now)


__all__ = ["Call", "GrpcLimits", "Message", "Method", "Server", "StatusCode", "StatusError"]
