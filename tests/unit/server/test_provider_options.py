"""Options of execution providers: what is accepted, refused by name, and what ONNX Runtime is told."""

from pathlib import Path

import pytest

from onnx_server.engine import providers
from onnx_server.failures import Failure, Reason
from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.settings import server as settings

ALL = """
executionProviders: [TensorRT, CUDA, CPU]
providerOptions:
  TensorRT:
    deviceId: 1
    fp16: true
    bf16: false
    int8: false
    maxWorkspaceBytes: 1073741824
    builderOptimizationLevel: 3
    minSubgraphSize: 5
    maxPartitionIterations: 10
    cudaGraph: false
    profileShapes:
      image: {min: [1, 3, 224, 224], opt: [8, 3, 224, 224], max: [32, 3, 224, 224]}
      mask: {min: [1], opt: [8], max: [32]}
  CUDA:
    deviceId: 1
    gpuMemLimitBytes: 2147483648
    arenaExtendStrategy: SameAsRequested
    cudnnConvAlgoSearch: Heuristic
    cudnnConvUseMaxWorkspace: true
    useTf32: false
    preferNhwc: true
    cudaGraph: false
  CPU: {arena: false}
"""


def load(tmp_path: Path, text: str) -> settings.ServerSettings:
    path = tmp_path / "server.yaml"
    path.write_text(text)
    return settings.load(path)


def test_options_by_onnx_runtimes_names(tmp_path: Path) -> None:
    options = load(tmp_path, ALL).provider_options
    assert providers.runtime_options("TensorRT", options) == {
        "device_id": "1",
        "trt_fp16_enable": "1",
        "trt_bf16_enable": "0",
        "trt_int8_enable": "0",
        "trt_max_workspace_size": "1073741824",
        "trt_builder_optimization_level": "3",
        "trt_min_subgraph_size": "5",
        "trt_max_partition_iterations": "10",
        "trt_cuda_graph_enable": "0",
        "trt_profile_min_shapes": "image:1x3x224x224,mask:1",
        "trt_profile_opt_shapes": "image:8x3x224x224,mask:8",
        "trt_profile_max_shapes": "image:32x3x224x224,mask:32",
    }
    assert providers.runtime_options("CUDA", options) == {
        "device_id": "1",
        "gpu_mem_limit": "2147483648",
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "cudnn_conv_use_max_workspace": "1",
        "use_tf32": "0",
        "prefer_nhwc": "1",
        "enable_cuda_graph": "0",
    }


def test_what_is_not_set_is_left_to_onnx_runtime(tmp_path: Path) -> None:
    options = load(tmp_path, "executionProviders: [CUDA]\nproviderOptions: {CUDA: {useTf32: true}}").provider_options
    assert providers.runtime_options("CUDA", options) == {"use_tf32": "1"}
    assert providers.runtime_options("TensorRT", options) == {}
    assert providers.runtime_options("CPU", options) == {}


GPU = "executionProviders: [TensorRT, CUDA]\nproviderOptions: "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GPU + "{CUDA: {memory: 3}}", "providerOptions.CUDA.memory: no such setting"),
        (GPU + "{cuda: {deviceId: 0}}", "providerOptions.cuda: no such setting"),
        (GPU + "{CUDA: {deviceId: -1}}", "providerOptions.CUDA.deviceId: Input should be greater"),
        (GPU + "{CUDA: {useTf32: 1}}", "providerOptions.CUDA.useTf32: Input should be a valid boolean, got 1"),
        (GPU + "{CUDA: {arenaExtendStrategy: kSameAsRequested}}", "providerOptions.CUDA.arenaExtendStrategy"),
        (GPU + "{TensorRT: {builderOptimizationLevel: 6}}", "providerOptions.TensorRT.builderOptimizationLevel"),
        (GPU + "{TensorRT: {timingCache: true}}", "providerOptions.TensorRT: Value error, timingCache needs"),
        (GPU + "{TensorRT: {engineCache: {path: cache}}}", "providerOptions.TensorRT.engineCache.path"),
        (GPU + "{TensorRT: {profileShapes: {x: {min: [1], opt: [1]}}}}", "profileShapes.x.max: Field required"),
        (GPU + "{TensorRT: {profileShapes: {x: {min: [2], opt: [1], max: [3]}}}}", "expected min <= opt <= max"),
        (GPU + "{TensorRT: {profileShapes: {x: {min: [1], opt: [1], max: [1, 1]}}}}", "expected min <= opt <= max"),
        (GPU + "{TensorRT: {profileShapes: {'x,y': {min: [1], opt: [1], max: [1]}}}}", "profileShapes.x,y"),
        ("providerOptions: {CUDA: {}}", "providerOptions.CUDA: executionProviders has CPU only: add CUDA there"),
        ("models: {a: {providerOptions: {CUDA: {}}}}", "models.a.providerOptions.CUDA: executionProviders has CPU"),
        ("graphOptimization: Some", "graphOptimization: Input should be 'All', 'Extended', 'Basic' or 'Off'"),
        ("cache: {maxBytes: -1}", "cache.maxBytes: Input should be greater than or equal to 0"),
        ("cache: {size: 1}", "cache.size: no such setting"),
    ],
)
def test_an_error_names_the_field(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Failure) as failed:
        load(tmp_path, text)
    assert failed.value.reason == Reason.INVALID_CONFIG
    assert words in failed.value.message


def test_options_may_be_given_once_for_all_models_of_which_some_ask_for_the_provider(tmp_path: Path) -> None:
    loaded = load(tmp_path, "providerOptions: {CUDA: {deviceId: 2}}\nmodels: {a: {executionProviders: [CUDA]}}")
    of_a = loaded.for_model("a")
    assert providers.runtime_options("CUDA", of_a.provider_options) == {"device_id": "2"}
    nested = load(tmp_path, "executionProviders: [CUDA]\nmodels: {a: {providerOptions: {CUDA: {deviceId: 1}}}}")
    assert providers.runtime_options("CUDA", nested.for_model("a").provider_options) == {"device_id": "1"}


def test_shapes_are_held_to_the_models_inputs(tmp_path: Path) -> None:
    spec = TensorSpec("image", BY_NAME["FP32"], (-1, 3, 224, 224))
    mask = TensorSpec("mask", BY_NAME["FP32"], (-1,))
    options = load(tmp_path, ALL).provider_options
    providers.check_profile_shapes(options, Signature((spec, mask), ()))
    with pytest.raises(Failure, match=r"profileShapes\.mask: no such input: the model has \['image'\]"):
        providers.check_profile_shapes(options, Signature((spec,), ()))
    other = TensorSpec("image", BY_NAME["FP32"], (-1, 1, 224, 224))
    with pytest.raises(Failure, match=r"profileShapes\.image: \[1, 3, 224, 224\] does not fit"):
        providers.check_profile_shapes(options, Signature((other, mask), ()))
