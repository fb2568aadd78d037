"""Execution providers: our names and ONNX Runtime's, and that what runs is what was asked.

ONNX Runtime falls back to the CPU with a log line where a provider cannot load; here that is a failure.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from onnx_server.failures import Failure, Reason
from onnx_server.protocol.signature import Signature
from onnx_server.settings.providers import ExecutionProvider, ProviderOptions, TensorRtOptions

NAMES: dict[ExecutionProvider, str] = {
    "TensorRT": "TensorrtExecutionProvider",
    "CUDA": "CUDAExecutionProvider",
    "CPU": "CPUExecutionProvider",
}
_SHORT = {name: short for short, name in NAMES.items()}
# Our fields, and ONNX Runtime's names of them.
_OPTIONS: dict[ExecutionProvider, dict[str, str]] = {
    "CPU": {},
    "CUDA": {
        "device_id": "device_id",
        "gpu_mem_limit_bytes": "gpu_mem_limit",
        "arena_extend_strategy": "arena_extend_strategy",
        "cudnn_conv_algo_search": "cudnn_conv_algo_search",
        "cudnn_conv_use_max_workspace": "cudnn_conv_use_max_workspace",
        "use_tf32": "use_tf32",
        "prefer_nhwc": "prefer_nhwc",
        "cuda_graph": "enable_cuda_graph",
    },
    "TensorRT": {
        "device_id": "device_id",
        "fp16": "trt_fp16_enable",
        "bf16": "trt_bf16_enable",
        "int8": "trt_int8_enable",
        "max_workspace_bytes": "trt_max_workspace_size",
        "builder_optimization_level": "trt_builder_optimization_level",
        "min_subgraph_size": "trt_min_subgraph_size",
        "max_partition_iterations": "trt_max_partition_iterations",
        "cuda_graph": "trt_cuda_graph_enable",
    },
}
_WORDS = {
    "NextPowerOfTwo": "kNextPowerOfTwo",
    "SameAsRequested": "kSameAsRequested",
    "Exhaustive": "EXHAUSTIVE",
    "Heuristic": "HEURISTIC",
    "Default": "DEFAULT",
}


def runtime_options(provider: ExecutionProvider, settings: ProviderOptions) -> dict[str, str]:
    """Return the provider's options by ONNX Runtime's names; what is not set is left to its defaults.

    The names are those that ONNX Runtime 1.31 parses. TensorRT's engine cache is not among them: its directory is known
    only where the GPU is (engine/tensorrt_cache.py). The CPU's options are the session's own.
    """
    options = settings.of(provider)
    if options is None:
        return {}
    named = {name: getattr(options, field) for field, name in _OPTIONS[provider].items()}
    written = {name: _written(value) for name, value in named.items() if value is not None}
    if isinstance(options, TensorRtOptions) and options.profile_shapes:
        for bound in ("min", "opt", "max"):
            shapes = {name: getattr(profile, bound) for name, profile in options.profile_shapes.items()}
            written[f"trt_profile_{bound}_shapes"] = ",".join(
                f"{name}:{'x'.join(map(str, shape))}" for name, shape in shapes.items()
            )
    return written


def _written(value: bool | int | str) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return _WORDS[value] if isinstance(value, str) else str(value)


def check_profile_shapes(settings: ProviderOptions, signature: Signature) -> None:
    """Raise Failure InvalidConfig if TensorRT is given shapes for something that is no input, or that do not fit it."""
    specs = {spec.name: spec for spec in signature.inputs}
    for name, profile in (settings.tensorrt.profile_shapes if settings.tensorrt else {}).items():
        field = f"providerOptions.TensorRT.profileShapes.{name}"
        if name not in specs:
            raise Failure(Reason.INVALID_CONFIG, f"{field}: no such input: the model has {sorted(specs)}")
        for shape in (profile.min, profile.opt, profile.max):
            if not specs[name].accepts(tuple(shape)):
                message = f"{field}: {shape} does not fit the input's shape {list(specs[name].shape)}"
                raise Failure(Reason.INVALID_CONFIG, message)


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


def assignments(session: Any) -> dict[str, dict[str, int]]:
    """Return, by our names of the providers, how many nodes of each operator run there; the most frequent first.

    The nodes are those of the model as it was written, less those that ONNX Runtime folded before it assigned them.
    """
    counted: dict[str, Counter[str]] = {}
    for subgraph in session.get_provider_graph_assignment_info():
        operators = (f"{node.domain}.{node.op_type}" if node.domain else node.op_type for node in subgraph.get_nodes())
        counted.setdefault(short(subgraph.ep_name), Counter()).update(operators)
    return {provider: dict(operators.most_common()) for provider, operators in counted.items()}
