"""Triton's names for what Triton counts too, so that its dashboards work. Seconds inside, µs outside."""

from collections.abc import Iterator

from onnx_server.engine.statistics import ModelStatistics
from onnx_server.models.loaded import Loaded

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
    "nv_cache_num_hits_per_model": "Number of cache hits per model",
    "nv_cache_num_misses_per_model": "Number of cache misses per model",
}
_PENDING = "nv_inference_pending_request_count"


def lines(models: list[Loaded]) -> Iterator[str]:
    """Yield the lines of the text format, without line breaks."""
    values = [(_labels(loaded), loaded.statistics, _values(loaded.statistics)) for loaded in models]
    for name, text in _HELP.items():
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} counter"
        for labels, statistics, counters in values:
            if name == "nv_inference_request_failure":
                for reason, failed in statistics.failures.items():
                    yield f'{name}{{{labels},reason="{reason}"}} {failed.count}'
            else:
                yield f"{name}{{{labels}}} {counters[name]}"
    yield f"# HELP {_PENDING} Requests that wait or run"
    yield f"# TYPE {_PENDING} gauge"
    for loaded in models:
        yield f"{_PENDING}{{{_labels(loaded)}}} {loaded.scheduler.pending}"


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
        "nv_cache_num_hits_per_model": statistics.cache_hit.count,
        "nv_cache_num_misses_per_model": statistics.cache_miss.count,
    }


def _labels(loaded: Loaded) -> str:
    return f'model="{_escape(loaded.name)}",version="{_escape(loaded.version)}"'


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
