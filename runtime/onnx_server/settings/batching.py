"""Settings of the queue before a model and of the batches made from it."""

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
        default=[], description="Sizes, in rows, that end the waiting early and that larger queues are cut to."
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
