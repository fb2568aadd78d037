"""Prometheus metrics: Triton's names where Triton has one, `onnx_server_*` for the rest.

The counters are kept with each model (engine/statistics.py); here they are read when somebody asks.
"""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Info, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from onnx_server import __version__
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.models.loaded import Loaded
from onnx_server.models.registry import Registry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

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


def _values(statistics: ModelStatistics) -> dict[str, int]:
    return {
        "nv_inference_request_success": statistics.success.count,
        "nv_inference_count": statistics.inference_count,
        "nv_inference_exec_count": statistics.execution_count,
        "nv_inference_request_duration_us": round(statistics.success.seconds * 1e6),
        "nv_inference_queue_duration_us": round(statistics.queue.seconds * 1e6),
        "nv_inference_compute_input_duration_us": round(statistics.compute_input.seconds * 1e6),
        "nv_inference_compute_infer_duration_us": round(statistics.compute_infer.seconds * 1e6),
        "nv_inference_compute_output_duration_us": round(statistics.compute_output.seconds * 1e6),
    }


class Metrics:
    """All metrics of one server process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client does not annotate it
        self._registry = CollectorRegistry()
        Info("onnx_server_build", "Version of the server", registry=self._registry).info({"version": __version__})
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def exposition(self, registry: Registry, *, ready: bool) -> bytes:
        """Return all metrics in Prometheus' text format."""
        lines = "\n".join([*_model_lines(list(registry)), *_gauge("onnx_server_ready", _READY, [("", int(ready))]), ""])
        return lines.encode() + generate_latest(self._registry)


_READY = "1 while the server answers that it is ready"


def _model_lines(models: list[Loaded]) -> Iterator[str]:
    values = [(_labels(loaded), loaded, _values(loaded.statistics)) for loaded in models]
    for name, text in _HELP.items():
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} counter"
        for labels, loaded, counters in values:
            if name == "nv_inference_request_failure":
                for reason, failed in loaded.statistics.failures.items():
                    yield f'{name}{{{labels},reason="{reason}"}} {failed.count}'
            else:
                yield f"{name}{{{labels}}} {counters[name]}"
    pending = [(labels, loaded.scheduler.pending) for labels, loaded, _ in values]
    yield from _gauge("nv_inference_pending_request_count", "Requests that wait or run", pending)
    in_flight = [(labels, loaded.statistics.in_flight) for labels, loaded, _ in values]
    yield from _gauge("onnx_server_in_flight_requests", "Inference requests being answered", in_flight)
    seconds = [(labels, loaded.load_seconds) for labels, loaded, _ in values]
    yield from _gauge("onnx_server_model_load_seconds", "Seconds to load and warm up the model", seconds)


def _gauge(name: str, text: str, values: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for labels, value in values:
        yield f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"


def _labels(loaded: Loaded) -> str:
    return f'model="{_escape(loaded.name)}",version="{_escape(loaded.version)}"'


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
