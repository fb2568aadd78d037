"""Load a model: one session on exactly the execution providers that were asked for."""

import logging
from types import ModuleType
from typing import Any

from onnx_server.engine import load_errors, providers, signature
from onnx_server.engine.cpus import Threads
from onnx_server.engine.model import Model
from onnx_server.failures import Failure, Reason
from onnx_server.repository.locate import LocatedModel
from onnx_server.settings.model import ExecutionProvider

log = logging.getLogger(__name__)


def load(located: LocatedModel, asked: list[ExecutionProvider], threads: Threads) -> Model:
    """Create the session. Takes as long as the model is large. Raises Failure with a reason of docs/contract.md."""
    runtime = import_runtime()
    providers.check_compiled_in(asked, runtime.get_available_providers())
    if asked != ["CPU"]:
        runtime.preload_dlls()
    names = [providers.NAMES[provider] for provider in asked]
    options = _options(runtime, threads, cpu="CPU" in asked)
    try:
        session = runtime.InferenceSession(str(located.path), options, providers=names)
    except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception
        raise load_errors.failure(error, located.header, asked, runtime.__version__) from error
    active = session.get_providers()
    providers.check_active(asked, active)
    return Model(
        session=session,
        runtime=runtime,
        signature=signature.of(session),
        nodes=providers.nodes_by_provider(session),
        # ONNX Runtime always adds the CPU; unless asked for, it was kept from running any node.
        active=tuple(providers.short(name) for name in active if name in names),
    )


def import_runtime() -> ModuleType:
    """Import ONNX Runtime, which takes a while and may be missing: it is an extra of this package."""
    try:
        import onnxruntime  # noqa: PLC0415  slow; the server listens before
    except ImportError as error:
        message = f"ONNX Runtime is not installed ({error}): install this package with its extra cpu or gpu"
        raise Failure(Reason.EXECUTION_PROVIDER_UNAVAILABLE, message) from error
    module: ModuleType = onnxruntime
    return module


def _options(runtime: Any, threads: Threads, *, cpu: bool) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads.intra_op
    options.inter_op_num_threads = threads.inter_op
    spinning = "1" if threads.spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    options.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if not cpu:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    options.log_severity_level = 3
    return options
