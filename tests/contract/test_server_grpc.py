"""Unmodified tritonclient over gRPC, in its four ways of asking, against a real server."""

import asyncio
import queue
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving
from tests.contract.test_server_tritonclient import VALUES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("grpc")
    (tmp_path / "models/mlp/1").mkdir(parents=True)
    (tmp_path / "models/ident/3").mkdir(parents=True)
    onnx_models.linear(tmp_path / "models/mlp/1/model.onnx")
    onnx_models.identities(tmp_path / "models/ident/3/model.onnx", **onnx_models.IDENTITY_TYPES)
    with serving(
        tmp_path / "models", "--load", "explicit", "--load-model", "mlp", "--load-model", "ident", tmp_path=tmp_path
    ) as running:
        yield running.wait_until_ready()


@pytest.fixture
def client(server: ServerProcess) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server.grpc_address) as connected:
        yield connected


def inputs(count: int = 3) -> list[triton.InferInput]:
    made = []
    for key, (datatype, values) in VALUES.items():
        tensor = triton.InferInput(f"IN_{key}", [count], datatype)
        tensor.set_data_from_numpy(values[:count])
        made.append(tensor)
    return made


def row(value: float = 1.0, columns: int = onnx_models.FEATURES) -> triton.InferInput:
    tensor = triton.InferInput("x", [1, columns], "FP32")
    tensor.set_data_from_numpy(np.full((1, columns), value, np.float32))
    return tensor


def answer(value: float = 1.0) -> Any:
    return np.full((1, onnx_models.FEATURES), value, np.float32) @ onnx_models.WEIGHTS


def test_health_and_metadata(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("ident")
    assert client.is_model_ready("ident", "3")
    assert not client.is_model_ready("ident", "9")
    assert not client.is_model_ready("other")
    assert "binary_tensor_data" in client.get_server_metadata().extensions
    metadata = client.get_model_metadata("ident")
    assert metadata.versions == ["3"]
    assert {entry.name: (entry.datatype, list(entry.shape)) for entry in metadata.inputs} == {
        f"IN_{key}": (datatype, [-1]) for key, (datatype, _) in VALUES.items()
    }


def test_every_datatype(client: triton.InferenceServerClient) -> None:
    result = client.infer("ident", inputs(), request_id="7")
    assert result.get_response().id == "7"
    assert (result.get_response().model_name, result.get_response().model_version) == ("ident", "3")
    for key, (datatype, values) in VALUES.items():
        assert result.get_output(f"OUT_{key}").datatype == datatype
        np.testing.assert_array_equal(result.as_numpy(f"OUT_{key}"), values)


def test_tensors_without_elements(client: triton.InferenceServerClient) -> None:
    result = client.infer("ident", inputs(count=0))
    assert result.as_numpy("OUT_F").shape == (0,)
    assert result.as_numpy("OUT_S").shape == (0,)


def test_requested_outputs_in_their_order(client: triton.InferenceServerClient) -> None:
    asked = [triton.InferRequestedOutput("OUT_U8"), triton.InferRequestedOutput("OUT_S")]
    result = client.infer("ident", inputs(), outputs=asked)
    assert [entry.name for entry in result.get_response().outputs] == ["OUT_U8", "OUT_S"]
    np.testing.assert_array_equal(result.as_numpy("OUT_S"), VALUES["S"][1])
    assert result.as_numpy("OUT_F") is None


def test_classification(client: triton.InferenceServerClient) -> None:
    result = client.infer("mlp", [row()], outputs=[triton.InferRequestedOutput("y", class_count=2)])
    ((first, second),) = result.as_numpy("y")
    order = np.argsort(-answer()[0])
    assert [int(label.split(b":")[1]) for label in (first, second)] == list(order[:2])
    assert float(first.split(b":")[0]) == pytest.approx(answer()[0][order[0]], rel=1e-5)


def test_parameters_and_metadata_that_nobody_reads_are_no_error(client: triton.InferenceServerClient) -> None:
    result = client.infer(
        "mlp", [row()], priority=1, timeout=5_000_000, headers={"x-tenant": "a"}, parameters={"mine": "b", "n": 3}
    )
    np.testing.assert_allclose(result.as_numpy("y"), answer(), rtol=1e-5)


def test_sequences_are_refused(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="keeps no state between requests") as refused:
        client.infer("mlp", [row()], sequence_id=7, sequence_start=True)
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compression(algorithm: str, client: triton.InferenceServerClient) -> None:
    result = client.infer("ident", inputs(), compression_algorithm=algorithm)
    np.testing.assert_array_equal(result.as_numpy("OUT_F"), VALUES["F"][1])


def test_asynchronous_requests(client: triton.InferenceServerClient) -> None:
    results: queue.Queue[tuple[Any, Any]] = queue.Queue()
    for index in range(50):
        client.async_infer(
            "mlp", [row(index)], lambda result, error: results.put((result, error)), request_id=str(index)
        )
    for _ in range(50):
        result, error = results.get(timeout=30)
        assert error is None
        np.testing.assert_allclose(result.as_numpy("y"), answer(int(result.get_response().id)), rtol=1e-4)


def test_a_stream_answers_in_order_and_an_error_is_one_requests(client: triton.InferenceServerClient) -> None:
    results: queue.Queue[tuple[Any, Any]] = queue.Queue()
    client.start_stream(lambda result, error: results.put((result, error)))
    for index in range(200):
        client.async_stream_infer(
            "other" if index == 7 else "mlp", [row(index)], request_id=str(index), enable_empty_final_response=True
        )
    for index in range(200):
        result, error = results.get(timeout=30)
        if index == 7:
            assert "unknown model 'other'" in error.message()
            continue
        assert error is None
        response = result.get_response()
        assert response.id == str(index)
        assert response.parameters["triton_final_response"].bool_param
        np.testing.assert_allclose(result.as_numpy("y"), answer(index), rtol=1e-4)
    client.stop_stream()
    assert results.empty()


def test_asyncio_and_its_stream(server: ServerProcess) -> None:
    async def ask() -> None:
        async with triton_aio.InferenceServerClient(server.grpc_address) as client:
            assert await client.is_server_ready()
            results = await asyncio.gather(*(client.infer("mlp", [row(index)]) for index in range(20)))
            for index, result in enumerate(results):
                np.testing.assert_allclose(result.as_numpy("y"), answer(index), rtol=1e-4)

            async def requests() -> Any:
                for index in range(20):
                    yield {"model_name": "mlp", "inputs": [row(index)], "request_id": str(index)}

            seen = []
            async for result, error in client.stream_infer(requests()):
                assert error is None
                seen.append(result.get_response().id)
            assert seen == [str(index) for index in range(20)]

    asyncio.run(ask())


def test_large_tensors_both_ways(client: triton.InferenceServerClient) -> None:
    rows = 40_000  # 10 MB, over every window and frame
    tensor = triton.InferInput("x", [rows, 64], "FP32")
    values = np.random.default_rng(1).random((rows, 64), np.float32)
    tensor.set_data_from_numpy(values)
    results: queue.Queue[tuple[Any, Any]] = queue.Queue()
    for _ in range(3):
        client.async_infer("mlp", [tensor], lambda result, error: results.put((result, error)))
    for _ in range(3):
        result, error = results.get(timeout=60)
        assert error is None
        np.testing.assert_allclose(result.as_numpy("y"), values @ onnx_models.WEIGHTS, rtol=1e-3, atol=1e-4)


def test_configuration_and_statistics(client: triton.InferenceServerClient) -> None:
    config = client.get_model_config("mlp").config
    assert (config.name, config.backend, config.default_model_filename) == ("mlp", "onnxruntime", "model.onnx")
    assert [(entry.name, list(entry.dims)) for entry in config.input] == [("x", [64])]
    assert config.WhichOneof("scheduling_choice") == "dynamic_batching"
    assert config.version_policy.latest.num_versions == 1
    before = client.get_inference_statistics("mlp", "1").model_stats[0]
    client.infer("mlp", [row()])
    after = client.get_inference_statistics("mlp", "1").model_stats[0]
    assert after.inference_count == before.inference_count + 1
    assert after.inference_stats.success.count == before.inference_stats.success.count + 1
    assert after.inference_stats.success.ns > before.inference_stats.success.ns
    assert {stats.name for stats in client.get_inference_statistics().model_stats} == {"mlp", "ident"}


def test_models_are_listed_unloaded_and_loaded(client: triton.InferenceServerClient) -> None:
    listed = {model.name: model.state for model in client.get_model_repository_index().models}
    assert listed == {"mlp": "READY", "ident": "READY"}
    client.unload_model("ident")
    assert not client.is_model_ready("ident")
    with pytest.raises(InferenceServerException) as refused:
        client.infer("ident", inputs())
    assert refused.value.status() in {"StatusCode.NOT_FOUND", "StatusCode.UNAVAILABLE"}
    client.load_model("ident")
    assert client.is_model_ready("ident", "3")
    client.infer("ident", inputs())
    with pytest.raises(InferenceServerException, match="parameter 'config' is not supported") as refused:
        client.load_model("ident", config="{}")
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
    with pytest.raises(InferenceServerException) as refused:
        client.load_model("other")
    assert refused.value.status() == "StatusCode.NOT_FOUND"


def test_what_the_server_has_not_is_said_by_name(client: triton.InferenceServerClient) -> None:
    for ask in (
        client.get_system_shared_memory_status,
        client.get_cuda_shared_memory_status,
        client.get_trace_settings,
        client.get_log_settings,
    ):
        with pytest.raises(InferenceServerException, match="is not supported by this server") as refused:
            ask()
        assert refused.value.status() == "StatusCode.UNIMPLEMENTED"
