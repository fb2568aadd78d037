"""`onnx-server profile`: how long each operator of a model takes, on inputs of zeros, without a server."""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from onnx_server.engine import cpus, profiling
from onnx_server.engine.load import load
from onnx_server.engine.trace import Summary
from onnx_server.engine.warmup import warm_up
from onnx_server.failures import Failure, Reason
from onnx_server.repository.locate import locate
from onnx_server.settings import server


def profile(arguments: argparse.Namespace) -> Summary:
    """Run the model `requests` times after a warm-up, and leave the trace at `output` if one is named.

    Raises Failure with a reason of docs/contract.md.
    """
    configured = server.load(arguments.config)
    settings = configured.for_model(configured.model.name or arguments.model.resolve().stem)
    with tempfile.TemporaryDirectory(prefix="onnx-server-profile-") as directory:
        model = load(locate(arguments.model), settings, cpus.plan(), Path(directory) / "trace")
        first = warm_up(model, model.signature)
        if first.message:
            raise Failure(Reason.WARM_UP_FAILED, f"there are no inputs to profile the model with: {first.message}")
        since = (time.time_ns() - model.session.get_profiling_start_time_ns()) / 1e3
        for _ in range(arguments.requests):
            warm_up(model, model.signature)
        recorded = profiling.end(model, since)
        if arguments.output is not None:
            _leave(recorded.trace, arguments.output)
        return recorded.summary


def _leave(trace: Path, output: Path) -> None:
    try:
        shutil.copyfile(trace, output)
    except OSError as error:
        raise Failure(Reason.INVALID_CONFIG, f"--output: cannot write {output}: {error.strerror}") from error
