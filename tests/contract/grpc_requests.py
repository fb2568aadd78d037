"""Requests over gRPC to the models of these tests."""

from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc


def stub(channel: grpc.Channel) -> Any:
    return service_pb2_grpc.GRPCInferenceServiceStub(channel)


def busy(rounds: int, **more: Any) -> Any:
    made = service_pb2.ModelInferRequest(model_name="busy", **more)
    made.inputs.add(name="rounds", datatype="INT64", shape=[1])
    made.raw_input_contents.append(rounds.to_bytes(8, "little"))
    return made


def linear(rows: int = 1, columns: int = 64, **more: Any) -> Any:
    made = service_pb2.ModelInferRequest(model_name="mlp", **more)
    made.inputs.add(name="x", datatype="FP32", shape=[rows, columns])
    made.raw_input_contents.append(bytes(4 * rows * columns))
    return made
