"""Load one version of a model, from its path to the first inference."""

import logging
import time
from pathlib import Path

from onnx_server.engine.cpus import Threads
from onnx_server.engine.load import load as load_model
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.warmup import warm_up
from onnx_server.models.loaded import Loaded
from onnx_server.preparation import preparation
from onnx_server.repository.locate import locate
from onnx_server.settings.model import ModelSettings

log = logging.getLogger(__name__)


def load(name: str, version: str, path: Path, settings: ModelSettings, threads: Threads) -> Loaded:
    """Load the model at `path`, a file or a directory, on the calling thread.

    Raises Failure with a reason of docs/contract.md.
    """
    started = time.monotonic()
    located = locate(path)
    model = load_model(located, settings.execution_providers, threads)
    prepared = preparation.build(settings.inputs, model.signature)
    warmed = warm_up(model, model.signature)
    if warmed.message:
        log.warning("warm-up", extra={"model": name, "source": warmed.source, "said": warmed.message})
    statistics = ModelStatistics()
    scheduler = Scheduler(name, model, settings, statistics)
    return Loaded(
        name=name,
        version=version,
        path=located.path,
        model=model,
        settings=settings,
        scheduler=scheduler,
        statistics=statistics,
        warm_up=warmed,
        digest=located.digest,
        load_seconds=time.monotonic() - started,
        preparation=prepared,
    )
