"""Settings of the execution providers: what ONNX Runtime may be told of each, and of the graph before them.

What is left out is left to ONNX Runtime's own default. engine/providers.py has its names of them.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from onnx_server.settings.base import Strict

ExecutionProvider = Literal["TensorRT", "CUDA", "CPU"]
GraphOptimization = Literal["All", "Extended", "Basic", "Off"]
# ONNX Runtime's list of shapes divides names from sizes by ':' and entries by ','.
InputName = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^:,]+$")]
Shape = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
_DIRECTORY = r"^/"


class CpuOptions(Strict):
    """The CPU."""

    arena: bool | None = Field(
        default=None,
        description="Whether memory of past runs is kept for the next ones (ONNX Runtime: yes). Without, a process "
        "that once had a large request gives its memory back, and each run allocates anew.",
    )


class CudaOptions(Strict):
    """An NVIDIA GPU by CUDA and cuDNN."""

    device_id: int | None = Field(default=None, ge=0, description="Which GPU of those that the process sees, from 0.")
    gpu_mem_limit_bytes: int | None = Field(
        default=None, ge=1, description="Most memory that the arena of the session takes. cuDNN's own comes on top."
    )
    arena_extend_strategy: Literal["NextPowerOfTwo", "SameAsRequested"] | None = Field(
        default=None, description="How the arena grows: to the next power of two, or by what is asked for."
    )
    cudnn_conv_algo_search: Literal["Exhaustive", "Heuristic", "Default"] | None = Field(
        default=None, description="How the algorithm of a convolution is chosen, once for each new shape."
    )
    cudnn_conv_use_max_workspace: bool | None = Field(
        default=None, description="Whether that search may use as much memory as it likes."
    )
    use_tf32: bool | None = Field(
        default=None, description="Whether FP32 products may be rounded to TF32: faster, ten bits of fraction."
    )
    prefer_nhwc: bool | None = Field(default=None, description="Whether convolutions are run in NHWC layout.")
    cuda_graph: bool | None = Field(
        default=None, description="Whether runs are captured as a CUDA graph: for fixed shapes alone."
    )


class ProfileShapes(Strict):
    """The smallest, the usual and the largest shape of one input that an engine is built for."""

    min: Shape
    opt: Shape
    max: Shape

    @model_validator(mode="after")
    def _ordered(self) -> "ProfileShapes":
        same_rank = len(self.min) == len(self.opt) == len(self.max)
        if not same_rank or any(
            not low <= usual <= high for low, usual, high in zip(self.min, self.opt, self.max, strict=True)
        ):
            msg = f"expected min <= opt <= max in each dimension, got {self.min}, {self.opt}, {self.max}"
            raise ValueError(msg)
        return self


class EngineCache(Strict):
    """Built engines kept on disk, each below a directory for this very model, these options and this kind of GPU."""

    path: str = Field(pattern=_DIRECTORY, description="An absolute, writable directory, on a volume that outlives us.")


class TensorRtOptions(Strict):
    """An NVIDIA GPU by TensorRT, which builds an engine of the model before it runs."""

    device_id: int | None = Field(default=None, ge=0, description="Which GPU of those that the process sees, from 0.")
    fp16: bool | None = Field(default=None, description="Whether FP16 may be used inside.")
    bf16: bool | None = Field(default=None, description="Whether BF16 may be used inside.")
    int8: bool | None = Field(default=None, description="Whether INT8 may be used, for models with Q/DQ nodes.")
    engine_cache: EngineCache | None = Field(
        default=None, description="Keep engines: a start takes seconds, not minutes."
    )
    timing_cache: bool | None = Field(
        default=None, description="Keep the timings of kernels too, in the engine cache's directory."
    )
    max_workspace_bytes: int | None = Field(default=None, ge=1, description="Most GPU memory for a layer's workspace.")
    builder_optimization_level: int | None = Field(
        default=None, ge=0, le=5, description="0 builds quickest, 5 searches longest."
    )
    min_subgraph_size: int | None = Field(
        default=None, ge=1, description="Parts of the graph with fewer nodes are left to the next provider."
    )
    max_partition_iterations: int | None = Field(
        default=None, ge=1, description="How often the graph is cut anew before all of it is left to the next provider."
    )
    cuda_graph: bool | None = Field(
        default=None, description="Whether runs are captured as a CUDA graph: for fixed shapes alone."
    )
    profile_shapes: dict[InputName, ProfileShapes] = Field(
        default={},
        description="By input, the shapes that an engine is built for. Others build it anew within the request. If "
        "any input is named, all with a dynamic dimension must be.",
    )

    @model_validator(mode="after")
    def _timings_need_a_place(self) -> "TensorRtOptions":
        if self.timing_cache and self.engine_cache is None:
            msg = "timingCache needs engineCache, whose directory it is kept in"
            raise ValueError(msg)
        return self


class ProviderOptions(Strict):
    """By provider, of those in executionProviders."""

    tensorrt: TensorRtOptions | None = Field(default=None, alias="TensorRT", description="Options of TensorRT.")
    cuda: CudaOptions | None = Field(default=None, alias="CUDA", description="Options of CUDA.")
    cpu: CpuOptions | None = Field(default=None, alias="CPU", description="Options of the CPU.")

    def of(self, provider: ExecutionProvider) -> TensorRtOptions | CudaOptions | CpuOptions | None:
        """Return the options of `provider`, None where none are given."""
        return self._by_name[provider]

    @property
    def given(self) -> list[ExecutionProvider]:
        """Return the providers that options are given for."""
        return [provider for provider, options in self._by_name.items() if options is not None]

    @property
    def _by_name(self) -> "dict[ExecutionProvider, TensorRtOptions | CudaOptions | CpuOptions | None]":
        return {"TensorRT": self.tensorrt, "CUDA": self.cuda, "CPU": self.cpu}
