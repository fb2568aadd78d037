"""The server's ports: sockets bound up front, one uvicorn server each."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import cast

import uvicorn

from onnx_server.failures import Failure, Reason
from onnx_server.http.asgi import App
from onnx_server.http.connection import LimitedConnection

# Longer than the idle time of common clients and proxies: whoever reuses a connection should find it open.
KEEP_ALIVE_SECONDS = 75


def bind(host: str, port: int, option: str) -> socket.socket:
    """Return a listening socket; an empty `host` is every address, IPv4 and IPv6. Raises Failure InvalidConfig."""
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, backlog=2048, dualstack_ipv6=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        message = f"cannot listen on {host or '*'}:{port}: {error.strerror}; choose another with {option}"
        raise Failure(Reason.INVALID_CONFIG, message) from error


class Listener(uvicorn.Server):
    """One port. It leaves signals to us, and counts its open connections."""

    def __init__(self, app: App, bound: socket.socket, protocol: type[LimitedConnection]) -> None:
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        super().__init__(config)
        self.bound = bound
        self.port: int = bound.getsockname()[1]

    async def on_tick(self, counter: int) -> bool:
        """Close connections that are idle or slow for too long, about once a second."""
        if counter % 10 == 0:
            self._sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is in flight; who is slow to send the rest of a request is still held to the limit."""
        sweeping = asyncio.create_task(self._sweep_on())
        try:
            await super().shutdown(sockets)
        finally:
            sweeping.cancel()

    async def _sweep_on(self) -> None:
        while True:
            self._sweep()
            await asyncio.sleep(1)

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in list(self.server_state.connections):
            cast("LimitedConnection", connection).sweep(now)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not take SIGTERM and SIGINT: several servers share this process."""
        yield

    async def listen(self) -> None:
        """Serve until `should_exit`; then finish what is in flight."""
        await self.serve(sockets=[self.bound])

    @property
    def connections(self) -> int:
        """Open connections, idle ones too."""
        return len(self.server_state.connections)
