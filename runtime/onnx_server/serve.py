"""`onnx-server serve`: from the command line to a running process."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

import uvloop

from onnx_server.engine import cpus
from onnx_server.models.registry import Registry
from onnx_server.process import Options, Process
from onnx_server.settings import server
from onnx_server.settings.server import ServerSettings
from onnx_server.state import State


def serve(arguments: argparse.Namespace) -> None:
    """Serve until a signal. Raises Failure with a reason of docs/contract.md."""
    configured = server.load(arguments.config) if arguments.config is not None else ServerSettings()
    state = State(
        settings=configured,
        registry=Registry(configured.model.name or _default_name(arguments.model), configured.model.version),
        threads=cpus.plan(),
        pod_uid=os.environ.get("POD_UID") or None,
    )
    options = Options(
        model=arguments.model,
        live=arguments.live,
        host=arguments.host,
        http_port=arguments.http_port,
        metrics_port=arguments.metrics_port,
        control_port=arguments.control_port,
    )

    async def run() -> Process:
        process = Process(state, options)
        await process.run()
        return process

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        process = runner.run(run())
    recording = state.profiles.close()
    if process.loading or recording:
        # The interpreter's orderly end would take ONNX Runtime away from under that thread, which then aborts.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


def _default_name(model: Path) -> str:
    """Return the file's name without .onnx; of a directory its own name."""
    return model.resolve().name.removesuffix(".onnx") or "model"
