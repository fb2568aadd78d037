"""A model's configuration as Triton's model configuration extension gives it: field names and enums of its ModelConfig.

Integers of all widths are ints here, so that the same document is JSON, and by json_format.ParseDict the protobuf.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from onnx_server.protocol.metadata import PLATFORM
from onnx_server.protocol.signature import Signature, TensorSpec

BACKEND = "onnxruntime"


@dataclass(frozen=True)
class Batcher:
    """How requests that wait are run together, and how they wait. Durations in microseconds; a timeout of 0 is none.

    A request that names no priority is behind all `priority_levels`.
    """

    preferred_sizes: tuple[int, ...]
    max_delay: int
    priority_levels: int
    queue_size: int
    default_timeout: int


@dataclass(frozen=True)
class ModelFacts:
    """What a configuration says. `max_batch_size` 0 means that requests are not counted in rows.

    `version_policy` is Triton's: {"latest": {"num_versions": 1}}, {"all": {}} or {"specific": {"versions": [1]}}.
    `batcher` is None where each request runs alone.
    """

    name: str
    signature: Signature
    max_batch_size: int
    version_policy: Mapping[str, Any]
    batcher: Batcher | None
    instances: int
    kind: Literal["KIND_CPU", "KIND_GPU"]
    filename: str
    parameters: Mapping[str, str]


def document(facts: ModelFacts) -> dict[str, object]:
    """Return the configuration. With `max_batch_size` over 0 the shapes lack the first dimension, which counts rows."""
    rows = facts.max_batch_size > 0
    config: dict[str, object] = {
        "name": facts.name,
        "platform": PLATFORM,
        "backend": BACKEND,
        "version_policy": dict(facts.version_policy),
        "max_batch_size": facts.max_batch_size,
        "input": [_input(spec, rows=rows) for spec in facts.signature.inputs],
        "output": [_output(spec, rows=rows) for spec in facts.signature.outputs],
        "batch_input": [],
        "batch_output": [],
        "optimization": {
            "priority": "PRIORITY_DEFAULT",
            "input_pinned_memory": {"enable": False},
            "output_pinned_memory": {"enable": False},
            "gather_kernel_buffer_threshold": 0,
            "eager_batching": True,
        },
    }
    if rows and facts.batcher is not None:
        config["dynamic_batching"] = _dynamic_batching(facts.batcher)
    config |= {
        "instance_group": [_instance_group(facts)],
        "default_model_filename": facts.filename,
        "cc_model_filenames": {},
        "metric_tags": {},
        "parameters": {key: {"string_value": value} for key, value in facts.parameters.items()},
        "model_warmup": [],
        "model_transaction_policy": {"decoupled": False},
    }
    return config


def _dims(spec: TensorSpec, *, rows: bool) -> list[int]:
    return list(spec.shape[1:] if rows else spec.shape)


def _data_type(spec: TensorSpec) -> str:
    return "TYPE_STRING" if spec.datatype.name == "BYTES" else f"TYPE_{spec.datatype.name}"


def _input(spec: TensorSpec, *, rows: bool) -> dict[str, object]:
    return {
        "name": spec.name,
        "data_type": _data_type(spec),
        "format": "FORMAT_NONE",
        "dims": _dims(spec, rows=rows),
        "is_shape_tensor": False,
        "allow_ragged_batch": False,
        "optional": False,
    }


def _output(spec: TensorSpec, *, rows: bool) -> dict[str, object]:
    return {
        "name": spec.name,
        "data_type": _data_type(spec),
        "dims": _dims(spec, rows=rows),
        "label_filename": "",
        "is_shape_tensor": False,
    }


def _dynamic_batching(batcher: Batcher) -> dict[str, object]:
    return {
        "preferred_batch_size": list(batcher.preferred_sizes),
        "max_queue_delay_microseconds": batcher.max_delay,
        "preserve_ordering": False,
        "priority_levels": batcher.priority_levels,
        "default_priority_level": batcher.priority_levels,
        "default_queue_policy": {
            "timeout_action": "REJECT",
            "default_timeout_microseconds": batcher.default_timeout,
            "allow_timeout_override": True,
            "max_queue_size": batcher.queue_size,
        },
        "priority_queue_policy": {},
    }


def _instance_group(facts: ModelFacts) -> dict[str, object]:
    return {
        "name": f"{facts.name}_0",
        "kind": facts.kind,
        "count": facts.instances,
        "gpus": [0] if facts.kind == "KIND_GPU" else [],
        "secondary_devices": [],
        "profile": [],
        "passive": False,
        "host_policy": "",
    }
