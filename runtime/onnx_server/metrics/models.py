"""The metrics of models by our names: seconds, `_total` for counters, histograms where a distribution matters."""

from onnx_server.metrics.families import Family, label
from onnx_server.models.loaded import Loaded


def families(models: list[Loaded], *, ready: bool, elsewhere: int) -> list[Family]:
    """Return each metric with the samples of all models.

    `elsewhere` are those of the requests in flight that wait for other pods; only of a single model there are any.
    """
    labelled = [(of(loaded), loaded) for loaded in models]
    return [
        *_requests(labelled),
        *_executions(labelled),
        *_now(labelled, ready=ready, elsewhere=elsewhere),
        *_about(labelled),
    ]


def of(loaded: Loaded) -> str:
    """Return the labels that all metrics of a model have."""
    return f"{label('model', loaded.name)},{label('version', loaded.version)}"


Labelled = list[tuple[str, Loaded]]


def _requests(models: Labelled) -> list[Family]:
    total = Family(
        "onnx_server_requests_total", "counter", "Inference requests that are over, by HTTP status or gRPC code"
    )
    durations = Family(
        "onnx_server_request_duration_seconds",
        "histogram",
        "From the first byte of an inference request to its answer, by HTTP status or gRPC code",
    )
    queued = Family(
        "onnx_server_queue_duration_seconds", "histogram", "How long answered requests waited for the model"
    )
    cancelled = Family(
        "onnx_server_cancelled_requests_total", "counter", "Requests whose client left before the answer"
    )
    for labels, loaded in models:
        for protocol, transport in loaded.statistics.transports.items():
            by_protocol = f"{labels},{label('protocol', protocol)}"
            for code, requests in transport.requests.items():
                by_code = f"{by_protocol},{label('code', code)}"
                total.add(by_code, requests.count)
                durations.add_histogram(by_code, requests)
            queued.add_histogram(by_protocol, transport.queue)
        cancelled.add(labels, loaded.statistics.failures["CANCELED"].count)
    return [total, durations, queued, cancelled]


def _executions(models: Labelled) -> list[Family]:
    compute = Family("onnx_server_compute_duration_seconds", "histogram", "How long the model ran on one batch")
    rows = Family("onnx_server_batch_size", "histogram", "Rows that the model ran on at once")
    hits = Family("onnx_server_cache_hits_total", "counter", "Requests answered from the response cache")
    misses = Family("onnx_server_cache_misses_total", "counter", "Requests looked up in the response cache in vain")
    for labels, loaded in models:
        statistics = loaded.statistics
        compute.add_histogram(labels, statistics.compute)
        rows.add_histogram(labels, statistics.batch_size)
        hits.add(labels, statistics.cache_hit.count)
        misses.add(labels, statistics.cache_miss.count)
    return [compute, rows, hits, misses]


def _now(models: Labelled, *, ready: bool, elsewhere: int) -> list[Family]:
    in_flight = Family("onnx_server_in_flight_requests", "gauge", "Inference requests being received, run or answered")
    depth = Family("onnx_server_queue_depth", "gauge", "Requests that wait for the model")
    model_ready = Family("onnx_server_model_ready", "gauge", "1 while the server answers that the model is ready")
    for labels, loaded in models:
        in_flight.add(labels, max(0, loaded.statistics.in_flight - elsewhere))
        depth.add(labels, loaded.scheduler.waiting)
        model_ready.add(labels, int(ready))
    return [in_flight, depth, model_ready]


def _about(models: Labelled) -> list[Family]:
    nodes = Family(
        "onnx_server_execution_provider_nodes",
        "gauge",
        "Nodes of the model's graph that run on the execution provider",
    )
    info = Family(
        "onnx_server_model_info",
        "info",
        "What is served: the digest of what was fetched, the execution providers in order, ONNX Runtime's version",
    )
    load_seconds = Family("onnx_server_model_load_seconds", "gauge", "Seconds to load and warm up the model")
    for labels, loaded in models:
        model = loaded.model
        for provider in model.active:
            nodes.add(f"{labels},{label('provider', provider)}", model.nodes.get(provider, 0))
        about = (
            label("digest", loaded.digest or ""),
            label("execution_providers", ",".join(model.active)),
            label("onnxruntime", model.runtime.__version__),
        )
        info.add(",".join((labels, *about)), 1)
        load_seconds.add(labels, loaded.load_seconds)
    return [nodes, info, load_seconds]
