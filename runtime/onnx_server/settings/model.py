"""Settings of one model: how it is run. `server.yaml` has them for all models, and under `models` for one."""

from pydantic import Field, field_validator

from onnx_server.settings.base import Strict
from onnx_server.settings.batching import BatchingSettings, QueueSettings, ThreadSettings
from onnx_server.settings.cache import CacheSettings
from onnx_server.settings.inputs import InputSettings
from onnx_server.settings.providers import ExecutionProvider, GraphOptimization, ProviderOptions
from onnx_server.settings.version_policy import VersionPolicy


class ModelSettings(Strict):
    """How a model is run."""

    execution_providers: list[ExecutionProvider] = Field(
        default=["CPU"],
        min_length=1,
        description="Ordered. What runs is what is asked: the server exits if one of them cannot run here, "
        "and nodes run on the CPU only if CPU is listed.",
    )
    provider_options: ProviderOptions = Field(
        default_factory=ProviderOptions, description="Options of the execution providers that are asked for."
    )
    graph_optimization: GraphOptimization = Field(
        default="All",
        description="How far ONNX Runtime rewrites the graph at load. Off runs the model as it is written.",
    )
    max_batch_size: int | None = Field(
        default=None,
        ge=1,
        description="Largest batch, in rows (the first, dynamic dimension). Requests with more are refused with 400.",
    )
    batching: BatchingSettings = Field(default_factory=BatchingSettings, description="Dynamic batching.")
    queue: QueueSettings = Field(default_factory=QueueSettings, description="The bounded queue before the model.")
    cache: CacheSettings = Field(default_factory=CacheSettings, description="Answers kept for equal requests.")
    version_policy: VersionPolicy = Field(
        default_factory=VersionPolicy, description="Which versions of a model in a repository serve."
    )
    instances: int = Field(default=1, ge=1, le=64, description="Sessions of the model that run at once.")
    inputs: dict[str, InputSettings] = Field(
        default={}, description="By name, inputs that clients have in another form than the model takes."
    )
    threads: ThreadSettings = Field(default_factory=ThreadSettings, description="Threads of each session.")

    @field_validator("execution_providers")
    @classmethod
    def _each_once(cls, value: list[ExecutionProvider]) -> list[ExecutionProvider]:
        if len(set(value)) != len(value):
            msg = f"each execution provider may be listed once, got {value}"
            raise ValueError(msg)
        return value
