"""Triton's names for what Triton counts too, so that its dashboards work. Seconds inside, µs outside."""

from onnx_server.engine.statistics import ModelStatistics
from onnx_server.metrics.families import Family, label
from onnx_server.metrics.models import of
from onnx_server.models.loaded import Loaded

_HELP = {
    "nv_inference_request_success": "Number of successful inference requests, all batch sizes",
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


def families(models: list[Loaded]) -> list[Family]:
    """Return each metric with the samples of all models."""
    counters = {name: Family(name, "counter", text) for name, text in _HELP.items()}
    failures = Family("nv_inference_request_failure", "counter", "Number of failed inference requests, all batch sizes")
    pending = Family("nv_inference_pending_request_count", "gauge", "Requests that wait or run")
    for loaded in models:
        labels = of(loaded)
        for name, value in _values(loaded.statistics).items():
            counters[name].add(labels, value)
        for reason, failed in loaded.statistics.failures.items():
            failures.add(f"{labels},{label('reason', reason)}", failed.count)
        pending.add(labels, loaded.scheduler.pending)
    return [*counters.values(), failures, pending]


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
