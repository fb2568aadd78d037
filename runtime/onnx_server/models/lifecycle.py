"""Bring models up and take them down, without losing a request. It belongs to the event loop."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from onnx_server.engine.cpus import Threads
from onnx_server.failures import Failure, Reason
from onnx_server.models import loading
from onnx_server.models.loaded import Loaded
from onnx_server.models.loader import Loader
from onnx_server.models.registry import UNLOADED, Registry, VersionRecord, VersionState
from onnx_server.protocol.errors import RequestError
from onnx_server.repository.catalog import TRITON_CONFIG, Catalog, ModelFolder, SingleModel
from onnx_server.settings.server import ServerSettings

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.05

FORBIDDEN = (
    "models are not loaded or unloaded on request here, because whoever reaches this port could: set "
    "`modelControl: Explicit` in server.yaml to allow it"
)
"""What a client hears who may not load and unload models."""


class Lifecycle:
    """Loads what the catalog has into the registry.

    All versions of a model that are to serve are loaded, or none of them: they are switched to in one step.
    """

    def __init__(self, catalog: Catalog, registry: Registry, settings: ServerSettings, threads: Threads) -> None:
        self.catalog = catalog
        self._registry = registry
        self._settings = settings
        self._threads = threads
        self._loader = Loader()
        self._wanted: dict[str, None] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def single(self) -> SingleModel | None:
        """The one model, of a server that has no repository."""
        return self.catalog if isinstance(self.catalog, SingleModel) else None

    @property
    def loading(self) -> bool:
        """Whether a thread still loads, which nothing can interrupt."""
        return self._loader.running

    def missing(self) -> list[str]:
        """Return, each with why, the models that should serve and do not: those of the start, and all loaded since."""
        return [self._registry.why_not(name) for name in self._wanted if not self._registry.serving(name)]

    def want(self, names: Sequence[str] | None) -> None:
        """Say what `start` is to load: these models, or all that the catalog has. Raises Failure NotAnONNXModel."""
        folders = self.catalog.scan()
        for name in folders if names is None else names:
            self._wanted[name] = None
            self._registry.begin(name, self._planned(folders.get(name)))

    async def start(self) -> dict[str, Failure]:
        """Load the models that are wanted. Returns why others could not be."""
        failures = {}
        for name in list(self._wanted):
            try:
                await self._bring_up(name)
            except Failure as failure:
                failures[name] = failure
        return failures

    async def load(self, name: str) -> None:
        """Load a model, or load it again: what serves now is replaced at once when all of the new is warmed up.

        Raises RequestError: 404 if the catalog has no such model; 400, and what served still does, if it cannot be
        loaded; 503 if the server stops meanwhile.
        """
        try:
            if name not in await asyncio.to_thread(self.catalog.scan):
                raise RequestError(404, f"failed to load '{name}': there is no such model in the repository")
            await self._bring_up(name)
        except Failure as failure:
            served = ", ".join(old.version for old in self._registry.serving(name))
            kept = f" (version {served} serves on)" if served else ""
            raise RequestError(400, f"failed to load '{name}': {failure.reason}: {failure.message}{kept}") from failure
        self._wanted[name] = None

    async def unload(self, name: str) -> None:
        """Let a model serve no new requests; those in flight finish. As in Triton, an unknown name is no error."""
        if name not in self._registry.records():
            log.warning("there is nothing to unload", extra={"model": name})
            return
        async with self._lock(name):
            self._wanted.pop(name, None)
            self._retire(self._registry.serve(name, ()))
        log.info("unloaded", extra={"model": name})

    def stop(self) -> None:
        """Wait for no load any more: the server ends."""
        self._loader.stop()

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    async def _bring_up(self, name: str) -> None:
        async with self._lock(name):
            versions: list[str] = []
            loaded: list[Loaded] = []
            try:
                folder = (await asyncio.to_thread(self.catalog.scan)).get(name)
                if folder is None:
                    raise Failure(Reason.NOT_AN_ONNX_MODEL, f"there is no model '{name}' in the repository")
                _tell_what_is_not_read(folder)
                versions = self._choose(folder)
                self._registry.begin(name, versions)
                for version in versions:
                    loaded.append(await self._load_version(folder, version))  # noqa: PERF401  see below
            except BaseException as error:
                for each in loaded:
                    each.scheduler.close()
                reason = f"{error.reason}: {error.message}" if isinstance(error, Failure) else "the server stops"
                self._registry.failed(name, versions, versions[len(loaded)] if versions else None, reason)
                if isinstance(error, Failure):
                    log.error("not loaded: %s", error.message, extra={"model": name, "reason": error.reason.value})
                raise
            self._retire(self._registry.serve(name, loaded))

    def _choose(self, folder: ModelFolder) -> list[str]:
        if self.single is not None:
            return list(folder.versions)
        try:
            return self._settings.for_model(folder.name).version_policy.choose(list(folder.versions))
        except LookupError as error:
            raise Failure(Reason.NOT_AN_ONNX_MODEL, f"model '{folder.name}': {error}") from error

    def _planned(self, folder: ModelFolder | None) -> list[str]:
        """Return what will be loaded; nothing where that will fail, and be told, then."""
        try:
            return self._choose(folder) if folder is not None else []
        except Failure:
            return []

    async def _load_version(self, folder: ModelFolder, version: str) -> Loaded:
        settings = self._settings.for_model(folder.name)
        loaded = await self._loader.run(
            partial(loading.load, folder.name, version, folder.versions[version], settings, self._threads)
        )
        extra = {"model": loaded.name, "version": loaded.version, "seconds": round(loaded.load_seconds, 3)}
        log.info("loaded", extra=extra)
        return loaded

    def _retire(self, retired: list[tuple[Loaded, VersionRecord]]) -> None:
        for loaded, record in retired:
            task = asyncio.get_running_loop().create_task(_close(loaded, record))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)


async def _close(loaded: Loaded, record: VersionRecord) -> None:
    """Close a version that serves no new requests once those that found it are answered."""
    # Looked at now and then, so that no request pays for telling.
    while loaded.statistics.in_flight or loaded.scheduler.pending:  # noqa: ASYNC110
        await asyncio.sleep(_TICK_SECONDS)
    loaded.scheduler.close()
    record.state, record.reason = VersionState.UNAVAILABLE, UNLOADED


def _tell_what_is_not_read(folder: ModelFolder) -> None:
    if folder.has_triton_config:
        said = f"{TRITON_CONFIG} is not read: settings of a model are `models: {{NAME: ...}}` in server.yaml"
        log.warning(said, extra={"model": folder.name})
    if folder.ignored:
        said = "folders that are no versions (positive integers without leading zeros) are ignored"
        log.warning(said, extra={"model": folder.name, "folders": ",".join(folder.ignored)})
