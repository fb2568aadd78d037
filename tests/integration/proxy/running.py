"""The proxy's thread: an event loop of its own, so that a test may block while operators are answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.cluster import health
from tests.cluster.plane import ControlPlane
from tests.integration.loop_thread import LoopThread, loop_thread
from tests.integration.proxy.entrance import Entrance, kubeconfig


@dataclass
class Proxy:
    """A running proxy before one API server."""

    plane: ControlPlane
    user: Path
    folder: Path
    _thread: LoopThread
    _session: aiohttp.ClientSession
    _runners: list[web.AppRunner] = field(default_factory=list)

    def open(self, name: str = "", user: Path | None = None) -> Entrance:
        """Open an entrance for one operator, `name` in its User-Agent, with the user of a kubeconfig."""
        name = name or f"entrance-{len(self._runners)}"
        path = self.folder / f"{name}.kubeconfig"
        entrance = Entrance(self._session, self.plane.url, name, path, self._on_loop)
        port = self._thread.run(self._listen(entrance))
        path.write_text(kubeconfig(f"http://127.0.0.1:{port}", user or self.user))
        return entrance

    async def close(self) -> None:
        """Close all entrances."""
        for runner in self._runners:
            await runner.cleanup()
        await self._session.close()

    async def _listen(self, entrance: Entrance) -> int:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", entrance.handle)
        # A handler ends with its client: that is how silence ends.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        return port

    def _on_loop(self, function: Callable[[], int]) -> int:
        async def run() -> int:
            return function()

        return self._thread.run(run())


@contextmanager
def proxied(plane: ControlPlane, user: Path, folder: Path) -> Iterator[Proxy]:
    """Run a proxy before a control plane; entrances authenticate as the user of a kubeconfig, and lie in `folder`."""

    async def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, ssl=health.context(plane.run.pki / "ca.crt", None))
        return aiohttp.ClientSession(connector=connector, skip_auto_headers=("Accept-Encoding",), read_bufsize=1 << 22)

    with loop_thread("proxy") as thread:
        proxy = Proxy(plane, user, folder, thread, thread.run(session()))
        try:
            yield proxy
        finally:
            thread.run(proxy.close())
