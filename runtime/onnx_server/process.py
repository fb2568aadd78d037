"""The life of the serving process: listen, load, serve, drain, exit."""

import asyncio
import logging
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx_server.control.app import control_app
from onnx_server.http.app import metrics_app, protocol_app
from onnx_server.http.asgi import App
from onnx_server.listeners import Listener, bind
from onnx_server.metrics.exposition import Metrics
from onnx_server.models import loading
from onnx_server.models.loaded import Loaded
from onnx_server.state import Phase, State

log = logging.getLogger(__name__)

# How long answers end their connections before the rest of the connections, idle ones, is closed.
CLOSING_SECONDS = 2.0
_TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Options:
    """What the command line says: the model, the live directory and the addresses."""

    model: Path
    live: Path | None
    host: str
    http_port: int
    metrics_port: int
    control_port: int


class Process:
    """One serving process."""

    def __init__(self, state: State, options: Options) -> None:
        """Bind all ports. Raises Failure InvalidConfig if one is taken."""
        self._state = state
        self._options = options
        self._http = self._listener(options.http_port, "--http-port", protocol_app(state))
        self._others = [
            self._listener(options.metrics_port, "--metrics-port", metrics_app(state, Metrics())),
            self._listener(options.control_port, "--control-port", control_app(state, options.live)),
        ]
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._loader: threading.Thread | None = None

    def _listener(self, port: int, option: str, app: App) -> Listener:
        return Listener(app, bind(self._options.host, port, option))

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain. Raises Failure if the model cannot be served."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._signalled, False)
        loop.add_signal_handler(signal.SIGINT, self._signalled, True)
        tasks = [asyncio.create_task(listener.listen()) for listener in (self._http, *self._others)]
        metrics, control = self._others
        log.info(
            "listening",
            extra={"http": self._http.port, "metrics": metrics.port, "control": control.port},
        )
        loaded = self._load_in_thread(loop)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            either: list[asyncio.Future[Any]] = [loaded, stopped]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if loaded.done():
                self._serve(loaded.result())
                await stopped
            await self._drain(tasks[0])
        finally:
            stopped.cancel()
            loaded.cancel()
            for listener in (self._http, *self._others):
                listener.should_exit = True
            await asyncio.gather(*tasks)
        log.info("stopped")

    def _load_in_thread(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Loaded]":
        """Load on a daemon thread: ONNX Runtime cannot be interrupted, and a signal must not wait for it."""
        loaded: asyncio.Future[Loaded] = loop.create_future()

        def finish(result: Loaded | None, error: Exception | None) -> None:
            if loaded.done():
                return
            if error is not None:
                loaded.set_exception(error)
            elif result is not None:
                loaded.set_result(result)

        def work() -> None:
            result, error = None, None
            registry, settings = self._state.registry, self._state.settings
            try:
                result = loading.load(
                    registry.name,
                    registry.version,
                    self._options.model,
                    settings.for_model(registry.name),
                    self._state.threads,
                )
            except Exception as raised:  # noqa: BLE001  handed to the event loop, which raises it
                error = raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(finish, result, error)

        self._loader = threading.Thread(target=work, name="load", daemon=True)
        self._loader.start()
        return loaded

    @property
    def loading(self) -> bool:
        """Whether the model is still being loaded, by a thread that cannot be interrupted."""
        return self._loader is not None and self._loader.is_alive()

    def _serve(self, loaded: Loaded) -> None:
        self._state.registry.add(loaded)
        self._state.phase = Phase.READY
        log.info(
            "ready",
            extra={
                "model": loaded.name,
                "version": loaded.version,
                "seconds": round(loaded.load_seconds, 3),
                "executionProviders": ",".join(loaded.model.active),
                "threads": self._state.threads.intra_op,
                "warmUp": f"{loaded.warm_up.source} {loaded.warm_up.message}".strip(),
                "url": f"http://localhost:{self._http.port}/v2/models/{loaded.name}",
            },
        )

    def _signalled(self, hurry: bool) -> None:
        """Begin to drain; a person's Ctrl-C, or a second signal, does not wait for other clients to leave."""
        if hurry or self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _drain(self, http: "asyncio.Task[None]") -> None:
        """Unready at once; serve on; then end connections with their answers; then finish what is in flight."""
        drain = 0 if self._state.main is None else self._state.settings.drain_seconds
        self._state.phase = Phase.DRAINING
        log.info("draining", extra={"seconds": 0 if self._hurry.is_set() else drain})
        await self._hurried_within(drain)
        self._state.phase = Phase.CLOSING
        end = time.monotonic() + CLOSING_SECONDS
        while self._http.connections and time.monotonic() < end:
            if await self._hurried_within(_TICK_SECONDS):
                break
        self._http.should_exit = True
        await http

    async def _hurried_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            return False
        return True
