"""What one model version has done since it was loaded: the source of its statistics and of its metrics.

Only the event loop counts, so plain numbers are enough; a request costs a few additions. Sums over transports are
made when somebody asks.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from onnx_server.engine.histogram import ROWS, SECONDS, Histogram

FailureReason = Literal["REJECTED", "CANCELED", "BACKEND", "OTHER"]
Protocol = Literal["http", "grpc"]

_SUCCESS: dict[Protocol, str] = {"http": "200", "grpc": "OK"}


@dataclass(slots=True)
class Duration:
    """How often something was done and how long it took in all, in seconds."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.count += 1
        self.seconds += seconds


Failures = dict[FailureReason, Duration]


class TransportStatistics:
    """What came to one model version by one protocol.

    `requests` has the durations of all requests that are over, by code: the HTTP status, or the name of gRPC's code.
    `queue` has how long the successful ones waited. The other sums are of the successful ones too, in seconds.
    """

    __slots__ = ("_failures", "_success", "computed", "decoded", "encoded", "in_flight", "queue", "requests")

    def __init__(self, protocol: Protocol, failures: Failures) -> None:
        """Make empty statistics; `failures` are those of the model, over all protocols."""
        self._failures = failures
        self._success = Histogram()
        self.requests = {_SUCCESS[protocol]: self._success}
        self.queue = Histogram()
        self.decoded = 0.0
        self.computed = 0.0
        self.encoded = 0.0
        self.in_flight = 0

    @property
    def success(self) -> Histogram:
        """The durations of the successful requests."""
        return self._success

    def succeeded(self, request: float, queued: float, decoded: float, computed: float, encoded: float) -> None:
        """Count one answered request; durations in seconds."""
        # As Histogram.observe, without the calls: this is done for each request.
        success, queue = self._success, self.queue
        success.counts[bisect_left(SECONDS, request)] += 1
        success.sum += request
        queue.counts[bisect_left(SECONDS, queued)] += 1
        queue.sum += queued
        self.decoded += decoded
        self.computed += computed
        self.encoded += encoded

    def failed(self, reason: FailureReason, code: int | str, request: float) -> None:
        """Count one request that was not answered with its outputs, after `request` seconds."""
        self._failures[reason].add(request)
        name = str(code)
        durations = self.requests.get(name)
        if durations is None:
            durations = self.requests[name] = Histogram()
        durations.observe(request)


def _failures() -> Failures:
    return {"REJECTED": Duration(), "CANCELED": Duration(), "BACKEND": Duration(), "OTHER": Duration()}


@dataclass(slots=True)
class ModelStatistics:
    """Counters of one model version. `inference_count` counts rows, `execution_count` runs of the model.

    `batches` has the runs by their rows. `cache_hit` and `cache_miss` have the lookups in the response cache.
    `last_inference` is in seconds of time.time(), 0 before the first. `watch` hears of each batch how many
    requests ran.
    """

    failures: Failures = field(default_factory=_failures)
    inference_count: int = 0
    execution_count: int = 0
    last_inference: float = 0.0
    batches: dict[int, Duration] = field(default_factory=dict)
    compute: Histogram = field(default_factory=Histogram)
    batch_size: Histogram = field(default_factory=lambda: Histogram(ROWS))
    cache_hit: Duration = field(default_factory=Duration)
    cache_miss: Duration = field(default_factory=Duration)
    transports: dict[Protocol, TransportStatistics] = field(default_factory=dict)
    watch: Callable[[int], None] | None = None
    http: TransportStatistics = field(init=False)

    def __post_init__(self) -> None:
        self.http = self.transport("http")

    def transport(self, protocol: Protocol) -> TransportStatistics:
        """Return what requests by `protocol` are counted with: always the same object."""
        found = self.transports.get(protocol)
        if found is None:
            found = self.transports[protocol] = TransportStatistics(protocol, self.failures)
        return found

    def executed(self, rows: int, computed: float) -> None:
        """Count one run of the model on `rows` rows that took `computed` seconds."""
        self.execution_count += 1
        self.inference_count += rows
        batch = self.batches.get(rows)
        if batch is None:
            batch = self.batches[rows] = Duration()
        batch.add(computed)
        self.compute.observe(computed)
        self.batch_size.observe(rows)
        self.last_inference = time.time()

    @property
    def in_flight(self) -> int:
        """Requests that are being received, run or answered."""
        return sum(transport.in_flight for transport in self.transports.values())

    @property
    def success(self) -> Duration:
        """Answered requests."""
        return _total(transport.success for transport in self.transports.values())

    @property
    def queue(self) -> Duration:
        """Waiting, of answered requests."""
        return _total(transport.queue for transport in self.transports.values())

    @property
    def compute_input(self) -> Duration:
        """Decoding, of answered requests that the cache did not answer."""
        return self._run(transport.decoded for transport in self.transports.values())

    @property
    def compute_infer(self) -> Duration:
        """Running the model, of answered requests that the cache did not answer."""
        return self._run(transport.computed for transport in self.transports.values())

    @property
    def compute_output(self) -> Duration:
        """Encoding and sending, of answered requests that the cache did not answer."""
        return self._run(transport.encoded for transport in self.transports.values())

    def _run(self, seconds: Iterable[float]) -> Duration:
        # As Triton has it: a request that the cache answered was not computed. It may not have been answered yet.
        return Duration(max(0, self.success.count - self.cache_hit.count), sum(seconds))


def _total(histograms: Iterable[Histogram]) -> Duration:
    total = Duration()
    for histogram in histograms:
        total.count += histogram.count
        total.seconds += histogram.sum
    return total
