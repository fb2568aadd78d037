"""The metrics of models by our names: seconds, `_total` for counters, histograms where a distribution matters."""

from collections.abc import Iterator
from functools import cache

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from onnx_server.engine.histogram import Histogram
from onnx_server.models.loaded import Loaded

_MODEL = ("model", "version")


def families(models: list[Loaded], *, ready: bool) -> Iterator[Metric]:
    """Yield each metric with the samples of all models."""
    yield from _requests(models)
    yield from _executions(models)
    yield from _now(models, ready=ready)
    yield from _cache(models)
    yield from _about(models)


def _requests(models: list[Loaded]) -> Iterator[Metric]:
    total = CounterMetricFamily(
        "onnx_server_requests",
        "Inference requests that are over, by HTTP status or gRPC code",
        labels=(*_MODEL, "protocol", "code"),
    )
    durations = HistogramMetricFamily(
        "onnx_server_request_duration_seconds",
        "From the first byte of an inference request to its answer, by HTTP status or gRPC code",
        labels=(*_MODEL, "protocol", "code"),
    )
    queued = HistogramMetricFamily(
        "onnx_server_queue_duration_seconds",
        "How long answered requests waited for the model",
        labels=(*_MODEL, "protocol"),
    )
    cancelled = CounterMetricFamily(
        "onnx_server_cancelled_requests", "Requests whose client left before the answer", labels=_MODEL
    )
    for loaded in models:
        for protocol, transport in loaded.statistics.transports.items():
            labels = (loaded.name, loaded.version, protocol)
            for code, requests in transport.requests.items():
                total.add_metric((*labels, code), requests.count)
                _add(durations, (*labels, code), requests)
            _add(queued, labels, transport.queue)
        cancelled.add_metric((loaded.name, loaded.version), loaded.statistics.failures["CANCELED"].count)
    yield from (total, durations, queued, cancelled)


def _executions(models: list[Loaded]) -> Iterator[Metric]:
    compute = HistogramMetricFamily(
        "onnx_server_compute_duration_seconds", "How long the model ran on one batch", labels=_MODEL
    )
    rows = HistogramMetricFamily("onnx_server_batch_size", "Rows that the model ran on at once", labels=_MODEL)
    for loaded in models:
        _add(compute, (loaded.name, loaded.version), loaded.statistics.compute)
        _add(rows, (loaded.name, loaded.version), loaded.statistics.batch_size)
    yield from (compute, rows)


def _now(models: list[Loaded], *, ready: bool) -> Iterator[Metric]:
    in_flight = GaugeMetricFamily(
        "onnx_server_in_flight_requests", "Inference requests being received, run or answered", labels=_MODEL
    )
    depth = GaugeMetricFamily("onnx_server_queue_depth", "Requests that wait for the model", labels=_MODEL)
    model_ready = GaugeMetricFamily(
        "onnx_server_model_ready", "1 while the server answers that the model is ready", labels=_MODEL
    )
    for loaded in models:
        labels = (loaded.name, loaded.version)
        in_flight.add_metric(labels, loaded.statistics.in_flight)
        depth.add_metric(labels, loaded.scheduler.waiting)
        model_ready.add_metric(labels, int(ready))
    yield from (in_flight, depth, model_ready)


def _cache(models: list[Loaded]) -> Iterator[Metric]:
    hits = CounterMetricFamily("onnx_server_cache_hits", "Requests answered from the response cache", labels=_MODEL)
    misses = CounterMetricFamily(
        "onnx_server_cache_misses", "Requests looked up in the response cache in vain", labels=_MODEL
    )
    for loaded in models:
        hits.add_metric((loaded.name, loaded.version), loaded.statistics.cache_hit.count)
        misses.add_metric((loaded.name, loaded.version), loaded.statistics.cache_miss.count)
    yield from (hits, misses)


def _about(models: list[Loaded]) -> Iterator[Metric]:
    nodes = GaugeMetricFamily(
        "onnx_server_execution_provider_nodes",
        "Nodes of the model's graph that run on the execution provider",
        labels=(*_MODEL, "provider"),
    )
    info = InfoMetricFamily(
        "onnx_server_model",
        "What is served: the digest of what was fetched, the execution providers in order, ONNX Runtime's version",
        labels=_MODEL,
    )
    load_seconds = GaugeMetricFamily(
        "onnx_server_model_load_seconds", "Seconds to load and warm up the model", labels=_MODEL
    )
    for loaded in models:
        labels = (loaded.name, loaded.version)
        for provider in loaded.model.active:
            nodes.add_metric((*labels, provider), loaded.model.nodes.get(provider, 0))
        about = {
            "digest": loaded.digest or "",
            "execution_providers": ",".join(loaded.model.active),
            "onnxruntime": loaded.model.runtime.__version__,
        }
        info.add_metric(labels, about)
        load_seconds.add_metric(labels, loaded.load_seconds)
    yield from (nodes, info, load_seconds)


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], histogram: Histogram) -> None:
    buckets: list[tuple[str, float]] = []
    below = 0
    for bound, count in zip(_bounds(histogram.bounds), histogram.counts, strict=True):
        below += count
        buckets.append((bound, below))
    family.add_metric(labels, buckets, histogram.sum)


@cache
def _bounds(bounds: tuple[float, ...]) -> tuple[str, ...]:
    """Return the values of the label `le`."""
    return tuple(str(floatToGoString(bound)) for bound in (*bounds, float("inf")))  # type: ignore[no-untyped-call]
