"""Load a model: one session on exactly the execution providers that were asked for."""

import logging
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from onnx_server.engine import gpu, load_errors, providers, signature, tensorrt_cache
from onnx_server.engine.cpus import Threads
from onnx_server.engine.model import Model
from onnx_server.failures import Failure, Reason
from onnx_server.repository.locate import LocatedModel
from onnx_server.settings.model import ModelSettings
from onnx_server.settings.providers import GraphOptimization

log = logging.getLogger(__name__)

_LEVELS: dict[GraphOptimization, str] = {
    "All": "ORT_ENABLE_ALL",
    "Extended": "ORT_ENABLE_EXTENDED",
    "Basic": "ORT_ENABLE_BASIC",
    "Off": "ORT_DISABLE_ALL",
}


def load(located: LocatedModel, settings: ModelSettings, threads: Threads, profile_to: Path | None = None) -> Model:
    """Create the session. Takes as long as the model is large. Raises Failure with a reason of docs/contract.md.

    With `profile_to`, the start of a file's path, the session records a profile, which ends with its end_profiling().
    """
    asked = settings.execution_providers
    runtime = import_runtime()
    providers.check_compiled_in(asked, runtime.get_available_providers())
    if asked != ["CPU"]:
        runtime.preload_dlls()
    names = [providers.NAMES[provider] for provider in asked]
    given = _provider_options(located, settings, runtime)
    options = _options(runtime, settings, threads)
    if profile_to is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_to)
    try:
        chosen = [(providers.NAMES[provider], given[provider]) for provider in asked]
        session = runtime.InferenceSession(str(located.path), options, providers=chosen)
    except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception
        raise load_errors.failure(error, located.header, asked, runtime.__version__) from error
    active = session.get_providers()
    providers.check_active(asked, active)
    loaded = Model(
        session=session,
        runtime=runtime,
        signature=signature.of(session),
        assignments=providers.assignments(session),
        # ONNX Runtime always adds the CPU; unless asked for, it was kept from running any node.
        active=tuple(providers.short(name) for name in active if name in names),
        options={provider: options for provider, options in given.items() if options},
    )
    providers.check_profile_shapes(settings.provider_options, loaded.signature)
    return loaded


def import_runtime() -> ModuleType:
    """Import ONNX Runtime, which takes a while and may be missing: it is an extra of this package."""
    # Its builds from 1.29 on tell their maker of each session, unless this is set before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime  # noqa: PLC0415  slow; the server listens before
    except ImportError as error:
        message = f"ONNX Runtime is not installed ({error}): install this package with its extra cpu or gpu"
        raise Failure(Reason.EXECUTION_PROVIDER_UNAVAILABLE, message) from error
    module: ModuleType = onnxruntime
    return module


def _provider_options(located: LocatedModel, settings: ModelSettings, runtime: Any) -> dict[str, dict[str, str]]:
    given: dict[str, dict[str, str]] = {
        provider: providers.runtime_options(provider, settings.provider_options)
        for provider in settings.execution_providers
    }
    tensorrt = settings.provider_options.tensorrt
    if "TensorRT" in given and tensorrt is not None and tensorrt.engine_cache is not None:
        found = gpu.probe(tensorrt.device_id or 0)
        given["TensorRT"] |= tensorrt_cache.cache_options(
            tensorrt, given["TensorRT"], located, runtime.__version__, found
        )
    return given


def _options(runtime: Any, settings: ModelSettings, threads: Threads) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads.intra_op
    options.inter_op_num_threads = threads.inter_op
    spinning = "1" if threads.spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    options.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if "CPU" not in settings.execution_providers:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    cpu = settings.provider_options.cpu
    if cpu is not None and cpu.arena is not None:
        options.enable_cpu_mem_arena = cpu.arena
    options.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, _LEVELS[settings.graph_optimization])
    options.log_severity_level = 3
    return options
