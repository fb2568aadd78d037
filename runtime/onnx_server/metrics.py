"""Prometheus metrics: Triton's names where Triton has one, `onnx_server_*` for the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from onnx_server import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FailureReason = Literal["REJECTED", "CANCELED", "BACKEND", "OTHER"]
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_HELP = {
    "nv_inference_request_success": "Number of successful inference requests, all batch sizes",
    "nv_inference_request_failure": "Number of failed inference requests, all batch sizes",
    "nv_inference_count": "Number of inferences performed: rows of all batches",
    "nv_inference_exec_count": "Number of model executions performed",
    "nv_inference_request_duration_us": "Cumulative inference request duration in microseconds",
    "nv_inference_queue_duration_us": "Cumulative inference queuing duration in microseconds",
    "nv_inference_compute_input_duration_us": "Cumulative compute input duration in microseconds",
    "nv_inference_compute_infer_duration_us": "Cumulative compute inference duration in microseconds",
    "nv_inference_compute_output_duration_us": "Cumulative inference compute output duration in microseconds",
}


@dataclass
class _TritonCounters:
    """Counters without the suffix `_total`, which prometheus_client cannot make. Seconds inside, µs outside."""

    success: int = 0
    failure: dict[FailureReason, int] = field(
        default_factory=lambda: {"REJECTED": 0, "CANCELED": 0, "BACKEND": 0, "OTHER": 0}
    )
    inferences: int = 0
    executions: int = 0
    request: float = 0.0
    queue: float = 0.0
    compute_input: float = 0.0
    compute_infer: float = 0.0
    compute_output: float = 0.0

    def lines(self, labels: str) -> Iterator[str]:
        """Yield the exposition's lines; `labels` is the inside of the braces."""
        values: dict[str, int] = {
            "nv_inference_request_success": self.success,
            "nv_inference_count": self.inferences,
            "nv_inference_exec_count": self.executions,
            "nv_inference_request_duration_us": round(self.request * 1e6),
            "nv_inference_queue_duration_us": round(self.queue * 1e6),
            "nv_inference_compute_input_duration_us": round(self.compute_input * 1e6),
            "nv_inference_compute_infer_duration_us": round(self.compute_infer * 1e6),
            "nv_inference_compute_output_duration_us": round(self.compute_output * 1e6),
        }
        for name, text in _HELP.items():
            yield f"# HELP {name} {text}"
            yield f"# TYPE {name} counter"
            if name == "nv_inference_request_failure":
                for reason, count in self.failure.items():
                    yield f'{name}{{{labels},reason="{reason}"}} {count}'
            else:
                yield f"{name}{{{labels}}} {values[name]}"


class Metrics:
    """All metrics of one server process that serves one model."""

    def __init__(self, model: str, version: str) -> None:
        self._labels = f'model="{_escape(model)}",version="{_escape(version)}"'
        self._triton = _TritonCounters()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client does not annotate it
        self._registry = CollectorRegistry()
        names = ["model", "version"]
        self.in_flight = Gauge(
            "onnx_server_in_flight_requests", "Inference requests being answered", names, registry=self._registry
        ).labels(model, version)
        self.pending = Gauge(
            "nv_inference_pending_request_count", "Requests that wait or run", names, registry=self._registry
        ).labels(model, version)
        self.ready = Gauge(
            "onnx_server_ready", "1 while the server answers that it is ready", names, registry=self._registry
        ).labels(model, version)
        self.load_seconds = Gauge(
            "onnx_server_model_load_seconds", "Seconds to load and warm up the model", names, registry=self._registry
        ).labels(model, version)
        self._durations = Histogram(
            "onnx_server_request_duration_seconds",
            "Seconds from the first byte of a successful inference request to its answer",
            names,
            buckets=_SECONDS,
            registry=self._registry,
        ).labels(model, version)
        Info("onnx_server_build", "Version of the server", registry=self._registry).info({"version": __version__})
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def succeeded(
        self, *, rows: int, request: float, queued: float, decoded: float, computed: float, encoded: float
    ) -> None:
        """Count one answered request; durations in seconds."""
        counters = self._triton
        counters.success += 1
        counters.inferences += rows
        counters.executions += 1
        counters.request += request
        counters.queue += queued
        counters.compute_input += decoded
        counters.compute_infer += computed
        counters.compute_output += encoded
        self._durations.observe(request)

    def failed(self, reason: FailureReason) -> None:
        """Count one request that was not answered with 200."""
        self._triton.failure[reason] += 1

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        triton = "\n".join(self._triton.lines(self._labels)) + "\n"
        return triton.encode() + generate_latest(self._registry)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
