"""Execution providers: our names and ONNX Runtime's, and that what runs is what was asked.

ONNX Runtime falls back to the CPU with a log line where a provider cannot load; here that is a failure.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from onnx_server.failures import Failure, Reason
from onnx_server.settings.model import ExecutionProvider

NAMES: dict[ExecutionProvider, str] = {
    "TensorRT": "TensorrtExecutionProvider",
    "CUDA": "CUDAExecutionProvider",
    "CPU": "CPUExecutionProvider",
}
_SHORT = {name: short for short, name in NAMES.items()}


def short(name: str) -> str:
    """Return our name of ONNX Runtime's provider `name`."""
    return _SHORT.get(name, name.removesuffix("ExecutionProvider"))


def check_compiled_in(asked: Sequence[ExecutionProvider], available: Sequence[str]) -> None:
    """Raise Failure ExecutionProviderUnavailable if this build of ONNX Runtime lacks an asked provider."""
    missing = [provider for provider in asked if NAMES[provider] not in available]
    if missing:
        has = ", ".join(short(name) for name in available if name in _SHORT)
        message = (
            f"{', '.join(missing)} is asked for, but the ONNX Runtime of this image has {has} only: use an image "
            "built with onnxruntime-gpu (spec.server.image), or ask for CPU (spec.server.executionProviders)"
        )
        raise Failure(Reason.EXECUTION_PROVIDER_UNAVAILABLE, message)


def check_active(asked: Sequence[ExecutionProvider], active: Sequence[str]) -> None:
    """Raise Failure ExecutionProviderUnavailable if an asked provider is not among the session's."""
    missing = [provider for provider in asked if NAMES[provider] not in active]
    if missing:
        message = (
            f"{', '.join(missing)} is asked for and cannot run here: check that the pod has a GPU "
            "(spec.resources.limits), that the node's driver is new enough, and the server's log for the library "
            "that did not load"
        )
        raise Failure(Reason.EXECUTION_PROVIDER_UNAVAILABLE, message)


def nodes_by_provider(session: Any) -> dict[str, int]:
    """Return how many graph nodes run on each provider, by our names."""
    counted: Counter[str] = Counter()
    for subgraph in session.get_provider_graph_assignment_info():
        counted[short(subgraph.ep_name)] += len(subgraph.get_nodes())
    return dict(counted)
