"""`onnx-server serve`: from the command line to a running process."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

import uvloop

from onnx_server import logs
from onnx_server.engine import cpus, worker
from onnx_server.failures import Failure, Reason
from onnx_server.models.lifecycle import Lifecycle
from onnx_server.models.registry import Registry
from onnx_server.process import Options, Process
from onnx_server.repository import structure
from onnx_server.repository.catalog import Catalog, ModelRepository, SingleModel
from onnx_server.settings import server
from onnx_server.settings.server import ServerSettings
from onnx_server.state import State
from onnx_server.telemetry.observer import observer

log = logging.getLogger(__name__)


def serve(arguments: argparse.Namespace) -> None:
    """Serve until a signal. Raises Failure with a reason of docs/contract.md."""
    configured = server.load(arguments.config)
    logs.set_level(configured.logging.level)
    threads = cpus.plan()
    catalog = _catalog(arguments, configured)
    explicit = isinstance(catalog, ModelRepository) and arguments.load == "explicit"
    registry = Registry()
    lifecycle = Lifecycle(catalog, registry, configured, threads)
    lifecycle.want(arguments.load_model if explicit else None)
    state = State(
        settings=configured,
        registry=registry,
        lifecycle=lifecycle,
        threads=threads,
        pod_uid=os.environ.get("POD_UID") or None,
        controlled=explicit if configured.model_control is None else configured.model_control == "Explicit",
        observer=observer(configured.logging, configured.tracing),
    )
    options = Options(
        live=arguments.live,
        host=arguments.host,
        http_port=arguments.http_port,
        grpc_port=arguments.grpc_port,
        metrics_port=arguments.metrics_port,
        control_port=arguments.control_port,
    )

    async def run() -> None:
        await Process(state, options).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    if state.observer is not None:
        state.observer.close()
    recording = state.profiles.close()
    if lifecycle.loading or recording or worker.working():
        # The interpreter's orderly end would take ONNX Runtime away from under that thread, which then aborts.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


def _catalog(arguments: argparse.Namespace, settings: ServerSettings) -> Catalog:
    """Return what is to be served. Raises Failure NotAnONNXModel, and InvalidConfig for what does not go with it."""
    path: Path = arguments.model
    explicit = arguments.load == "explicit"
    if not structure.is_repository(path, may_be_empty=explicit):
        if explicit:
            message = (
                f"--load explicit and --load-model are for a model repository, and {path} is one model: leave them out"
            )
            raise Failure(Reason.INVALID_CONFIG, message)
        return SingleModel(settings.model.name or _default_name(path), settings.model.version, path)
    if "model" in settings.model_fields_set:
        message = f"model: names one model, and {path} is a model repository, whose folders name them: leave it out"
        raise Failure(Reason.INVALID_CONFIG, message)
    repository = ModelRepository(path)
    if others := repository.other_folders():
        log.warning("folders without versions are no models", extra={"folders": ",".join(others)})
    if unknown := sorted(settings.models.keys() - repository.scan().keys()):
        log.warning("settings of models that are not in the repository", extra={"models": ",".join(unknown)})
    return repository


def _default_name(model: Path) -> str:
    """Return the file's name without .onnx; of a directory its own name."""
    return model.resolve().name.removesuffix(".onnx") or "model"
