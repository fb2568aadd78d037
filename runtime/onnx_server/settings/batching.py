"""Settings of the queue before a model, of the batches made from it, and of the threads that run them."""

from typing import Annotated, Literal

from pydantic import Field

from onnx_server.settings.base import Strict


class BatchingSettings(Strict):
    """How requests are run together. Only models whose rows are proven independent at load are batched."""

    mode: Literal["Auto", "Off"] = Field(
        default="Auto", description="Auto: where the rows were proven independent at load. Off: one request a run."
    )
    max_delay_microseconds: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="How long a request may wait for others while the model is free. 0: what is queued runs at once.",
    )
    preferred_sizes: list[Annotated[int, Field(ge=1)]] = Field(
        default=[],
        description="Sizes, in rows, that end the waiting early and that larger queues are cut to. "
        "Those over the largest batch are ignored.",
    )


class QueueSettings(Strict):
    """The bounded queue before a model."""

    size: int = Field(default=256, ge=1, description="Requests that may wait; more are refused with 503.")
    default_timeout_milliseconds: int = Field(
        default=0, ge=0, description="Deadline of requests that name none: not run after it. 0: no deadline."
    )
    priority_levels: int = Field(
        default=2, ge=1, le=100, description="Requests may name a priority from 1 (first) to this; others are last."
    )


class ThreadSettings(Strict):
    """The threads of each session of a model. What is left out follows the CPU quota of the cgroup."""

    intra_op: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Threads that one operator runs on. Default: the CPUs of the quota, divided among the instances.",
    )
    inter_op: int | None = Field(
        default=None, ge=1, le=1024, description="Operators that run at once, in models made for it. Default: 1."
    )
    spinning: Literal["Auto", "On", "Off"] = Field(
        default="Auto",
        description="Whether idle threads spin, which is quicker and uses CPU. Auto: not under a CPU quota.",
    )
