"""What one model version has done since it was loaded: the source of its statistics and of its metrics.

Only the event loop counts, so plain numbers are enough; a request costs a few additions.
"""

import time
from dataclasses import dataclass, field
from typing import Literal

FailureReason = Literal["REJECTED", "CANCELED", "BACKEND", "OTHER"]


@dataclass(slots=True)
class Duration:
    """How often something was done and how long it took in all, in seconds."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.count += 1
        self.seconds += seconds


@dataclass(slots=True)
class ModelStatistics:
    """Counters of one model version. `inference_count` counts rows, `execution_count` runs of the model."""

    success: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    compute_input: Duration = field(default_factory=Duration)
    compute_infer: Duration = field(default_factory=Duration)
    compute_output: Duration = field(default_factory=Duration)
    cache_hit: Duration = field(default_factory=Duration)
    cache_miss: Duration = field(default_factory=Duration)
    failures: dict[FailureReason, Duration] = field(
        default_factory=lambda: {reason: Duration() for reason in ("REJECTED", "CANCELED", "BACKEND", "OTHER")}
    )
    inference_count: int = 0
    execution_count: int = 0
    last_inference: float = 0.0
    batches: dict[int, Duration] = field(default_factory=dict)
    in_flight: int = 0

    def executed(self, rows: int, computed: float) -> None:
        """Count one run of the model on `rows` rows that took `computed` seconds."""
        self.execution_count += 1
        self.inference_count += rows
        batch = self.batches.get(rows)
        if batch is None:
            batch = self.batches[rows] = Duration()
        batch.add(computed)

    def succeeded(self, *, request: float, queued: float, decoded: float, computed: float, encoded: float) -> None:
        """Count one answered request; durations in seconds."""
        self.success.add(request)
        self.queue.add(queued)
        self.compute_input.add(decoded)
        self.compute_infer.add(computed)
        self.compute_output.add(encoded)
        self.last_inference = time.time()

    def failed(self, reason: FailureReason, request: float) -> None:
        """Count one request that was not answered with its outputs, after `request` seconds."""
        self.failures[reason].add(request)
