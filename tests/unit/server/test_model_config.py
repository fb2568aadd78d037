"""The configuration in Triton's form: shapes with and without rows, and that Triton's own protobuf takes it."""

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format
from tritonclient.grpc import model_config_pb2

from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.model_config import Batcher, ModelFacts, document
from onnx_server.protocol.signature import Signature, TensorSpec

SIGNATURE = Signature(
    inputs=(TensorSpec("x", BY_NAME["FP32"], (-1, 3, -1)), TensorSpec("s", BY_NAME["BYTES"], (-1,))),
    outputs=(TensorSpec("y", BY_NAME["BF16"], (-1, 10)),),
)
FACTS = ModelFacts(
    name="m",
    signature=SIGNATURE,
    max_batch_size=8,
    version_policy={"latest": {"num_versions": 2}},
    batcher=Batcher(preferred_sizes=(4, 8), max_delay=100, priority_levels=3, queue_size=50, default_timeout=7000),
    instances=2,
    kind="KIND_GPU",
    filename="net.onnx",
    parameters={"execution_providers": "CUDA,CPU"},
)


def dims(config: dict[str, Any]) -> dict[str, list[int]]:
    return {entry["name"]: entry["dims"] for entry in (*config["input"], *config["output"])}


def test_with_rows_the_shapes_lack_the_first_dimension() -> None:
    assert dims(document(FACTS)) == {"x": [3, -1], "s": [], "y": [10]}


def test_without_rows_the_shapes_are_whole_and_nothing_is_batched() -> None:
    config = document(replace(FACTS, max_batch_size=0))
    assert config["max_batch_size"] == 0
    assert dims(config) == {"x": [-1, 3, -1], "s": [-1], "y": [-1, 10]}
    assert "dynamic_batching" not in config


def test_rows_without_batching() -> None:
    config = document(replace(FACTS, batcher=None))
    assert config["max_batch_size"] == 8
    assert "dynamic_batching" not in config


@pytest.mark.parametrize(
    ("policy", "kind"),
    [({"latest": {"num_versions": 2}}, "latest"), ({"all": {}}, "all"), ({"specific": {"versions": [1]}}, "specific")],
)
def test_tritons_own_message_takes_it(policy: dict[str, Any], kind: str) -> None:
    parsed = json_format.ParseDict(document(replace(FACTS, version_policy=policy)), model_config_pb2.ModelConfig())
    assert parsed.version_policy.WhichOneof("policy_choice") == kind
    assert parsed.max_batch_size == 8
    assert [(one.name, one.data_type, list(one.dims)) for one in parsed.input] == [
        ("x", model_config_pb2.TYPE_FP32, [3, -1]),
        ("s", model_config_pb2.TYPE_STRING, []),
    ]
    assert parsed.output[0].data_type == model_config_pb2.TYPE_BF16
    assert list(parsed.dynamic_batching.preferred_batch_size) == [4, 8]
    assert parsed.dynamic_batching.default_queue_policy.default_timeout_microseconds == 7000
    assert (parsed.dynamic_batching.priority_levels, parsed.dynamic_batching.default_priority_level) == (3, 3)
    (group,) = parsed.instance_group
    assert (group.kind, group.count, list(group.gpus)) == (group.KIND_GPU, 2, [0])
    assert parsed.parameters["execution_providers"].string_value == "CUDA,CPU"


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_datatype_has_its_name(name: str) -> None:
    spec = TensorSpec("x", BY_NAME[name], (1,))
    config = document(replace(FACTS, signature=Signature((spec,), (spec,))))
    parsed = json_format.ParseDict(config, model_config_pb2.ModelConfig())
    assert parsed.input[0].data_type == parsed.output[0].data_type != model_config_pb2.TYPE_INVALID
