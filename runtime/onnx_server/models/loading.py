"""Load one version of a model, from its path to the first inference."""

import logging
import time
from pathlib import Path

from onnx_server.engine import cpus, golden
from onnx_server.engine.behaviour import observe
from onnx_server.engine.cache import ResponseCache
from onnx_server.engine.cpus import Threads
from onnx_server.engine.golden import Verdict
from onnx_server.engine.load import load as load_model
from onnx_server.engine.model import Model
from onnx_server.engine.profiling import Profiler
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.warmup import warm_up
from onnx_server.models.loaded import Loaded
from onnx_server.preparation import preparation
from onnx_server.repository.locate import locate
from onnx_server.repository.unchanged import Unchanged
from onnx_server.settings.model import ModelSettings

log = logging.getLogger(__name__)


def load(name: str, version: str, path: Path, settings: ModelSettings, threads: Threads) -> Loaded:
    """Load the model at `path`, a file or a directory, on the calling thread.

    Raises Failure with a reason of docs/contract.md.
    """
    started = time.monotonic()
    located = locate(path)
    unchanged = Unchanged(located.path)
    share = cpus.share(threads, settings.instances, settings.threads)

    def once_more(profile_to: Path) -> Model:
        unchanged.check()
        return load_model(located, settings, share, profile_to)

    models = [load_model(located, settings, share) for _ in range(settings.instances)]
    prepared = preparation.build(settings.inputs, models[0].signature)
    tests = golden.read(located, models[0].signature)
    warmed, *_ = [warm_up(model, model.signature, [each.inputs for each in tests.sets]) for model in models]
    if warmed.message:
        log.warning("warm-up", extra={"model": name, "source": warmed.source, "said": warmed.message})
    verdict = tests.judge(models[0], models[0].signature, on_cpu=models[0].active == ("CPU",))
    _tell(name, verdict)
    behaviour = observe(models[0], settings, threads.intra_op)
    statistics = ModelStatistics()
    profiler = Profiler(once_more)
    tapped = [profiler.tap(model) for model in models]
    return Loaded(
        name=name,
        version=version,
        path=located.path,
        model=models[0],
        settings=settings,
        scheduler=Scheduler(name, tapped, settings, statistics, behaviour),
        statistics=statistics,
        warm_up=warmed,
        golden=tests.inputs,
        golden_verdict=verdict,
        batching=behaviour.batching,
        digest=located.digest,
        load_seconds=time.monotonic() - started,
        preparation=prepared,
        profiler=profiler,
        cache=ResponseCache(settings.cache.max_bytes) if settings.cache.max_bytes else None,
    )


def _tell(name: str, verdict: Verdict | None) -> None:
    if verdict is None:
        return
    extra = {"model": name, "passed": f"{verdict.passed} of {verdict.sets}"}
    if verdict.message:
        log.warning("test data: %s", verdict.message, extra={"model": name})
    for failure in verdict.failures:
        log.warning("test data: %s: %s", failure.name, failure.message, extra={"model": name})
    log.info("test data", extra=extra)
