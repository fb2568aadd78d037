"""The life of the serving process: listen, load, serve, drain, exit."""

import asyncio
import logging
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onnx_server.control.app import control_app
from onnx_server.http.app import metrics_app, protocol_app
from onnx_server.http.asgi import App
from onnx_server.http.connect import ConnectRoute
from onnx_server.http.connection import LimitedConnection, Limits, limited_connection
from onnx_server.http.quick import quick_connection
from onnx_server.listeners import Listener, bind
from onnx_server.metrics.exposition import Metrics
from onnx_server.models.loaded import Loaded
from onnx_server.state import Phase, State

if TYPE_CHECKING:
    from onnx_server.grpc.port import GrpcPort

log = logging.getLogger(__name__)

# How long answers end their connections before the rest of the connections, idle ones, is closed.
CLOSING_SECONDS = 2.0
_TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Options:
    """What the command line says: the live directory and the addresses."""

    live: Path | None
    host: str
    http_port: int
    grpc_port: int
    metrics_port: int
    control_port: int


class Process:
    """One serving process."""

    def __init__(self, state: State, options: Options) -> None:
        """Bind all ports. Raises Failure InvalidConfig if one is taken."""
        self._state = state
        self._options = options
        settings = state.settings
        limits = Limits(settings.max_header_bytes, settings.max_connections, settings.receive_timeout_seconds)
        quick = settings.http_quick_path == "On"
        inference = quick_connection(state, limits) if quick else limited_connection(limits)
        self._limited = limited_connection(limits)
        self._grpc = self._grpc_port() if settings.grpc.mode == "On" else None
        state.open_connections = lambda: self._connections
        self._http = self._listener(options.http_port, "--http-port", protocol_app(state, self._connect()), inference)
        self._others = [
            self._listener(options.metrics_port, "--metrics-port", metrics_app(state, Metrics())),
            self._listener(options.control_port, "--control-port", control_app(state, options.live)),
        ]
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    def _listener(
        self, port: int, option: str, app: App, connection: type[LimitedConnection] | None = None
    ) -> Listener:
        return Listener(app, bind(self._options.host, port, option), connection or self._limited)

    def _connect(self) -> App | None:
        """Return what answers gRPC's inference over HTTP/1.1, where there is gRPC."""
        grpc = self._grpc
        return None if grpc is None else ConnectRoute(grpc.infer.connect, grpc.limits.max_message_bytes)

    def _grpc_port(self) -> "GrpcPort":
        from onnx_server.grpc.port import GrpcPort  # noqa: PLC0415  protobuf is for those only who have the port

        return GrpcPort(self._state, bind(self._options.host, self._options.grpc_port, "--grpc-port"))

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain. Raises Failure if the only model cannot be served."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._signalled, False)
        loop.add_signal_handler(signal.SIGINT, self._signalled, True)
        tasks = [asyncio.create_task(listener.listen()) for listener in (self._http, *self._others)]
        metrics, control = self._others
        ports = {"http": self._http.port, "metrics": metrics.port, "control": control.port}
        if self._grpc is not None:
            await self._grpc.open()
            ports["grpc"] = self._grpc.port
        log.info("listening", extra=ports)
        started = asyncio.create_task(self._start())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([started, stopped], return_when=asyncio.FIRST_COMPLETED)
            if started.done():
                started.result()
                await stopped
            started.cancel()
            self._state.lifecycle.stop()
            await self._drain(tasks[0])
        finally:
            stopped.cancel()
            for listener in (self._http, *self._others):
                listener.should_exit = True
            if self._grpc is not None:
                await self._grpc.close()
            await asyncio.gather(*tasks)
            self._state.traffic.close()
        log.info("stopped")

    async def _start(self) -> None:
        """Load what is to be loaded. A repository is served with what of it could be."""
        lifecycle = self._state.lifecycle
        failures = await lifecycle.start()
        if lifecycle.single is not None:
            for failure in failures.values():
                raise failure
        self._state.phase = Phase.READY
        if failures:
            log.error("not ready", extra={"missing": "; ".join(lifecycle.missing())})
        else:
            log.info("ready", extra=self._of_all() if self._state.main is None else self._of_one(self._state.main))

    def _of_all(self) -> dict[str, object]:
        loaded = [f"{each.name}/{each.version}" for each in self._state.registry]
        return {"models": ",".join(loaded), "url": f"http://localhost:{self._http.port}/v2"}

    def _of_one(self, loaded: Loaded) -> dict[str, object]:
        return {
            "model": loaded.name,
            "version": loaded.version,
            "seconds": round(loaded.load_seconds, 3),
            "executionProviders": ",".join(loaded.model.active),
            "threads": self._state.threads.intra_op,
            "warmUp": f"{loaded.warm_up.source} {loaded.warm_up.message}".strip(),
            "url": f"http://localhost:{self._http.port}/v2/models/{loaded.name}",
        }

    def _signalled(self, hurry: bool) -> None:
        """Begin to drain; a person's Ctrl-C, or a second signal, does not wait for other clients to leave."""
        if hurry or self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _drain(self, http: "asyncio.Task[None]") -> None:
        """Unready at once; serve on; then end connections with their answers; then finish what is in flight."""
        drain = self._state.settings.drain_seconds if any(self._state.registry) else 0
        self._state.phase = Phase.DRAINING
        log.info("draining", extra={"seconds": 0 if self._hurry.is_set() else drain})
        await self._hurried_within(drain)
        self._state.phase = Phase.CLOSING
        leaving = [http] if self._grpc is None else [http, asyncio.create_task(self._grpc.drain())]
        end = time.monotonic() + CLOSING_SECONDS
        while self._connections and time.monotonic() < end:
            if await self._hurried_within(_TICK_SECONDS):
                break
        self._http.should_exit = True
        if self._grpc is not None:
            await self._grpc.close()
        await asyncio.gather(*leaving)

    @property
    def _connections(self) -> int:
        return self._http.connections + (0 if self._grpc is None else self._grpc.connections)

    async def _hurried_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            return False
        return True
