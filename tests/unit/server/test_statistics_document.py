"""The statistics document: Triton's names and units, from the counters that the engine keeps."""

from onnx_server.engine.statistics import ModelStatistics
from onnx_server.protocol.statistics import document


def test_units_and_sums() -> None:
    counters = ModelStatistics()
    counters.executed(4, 0.002)
    counters.executed(1, 0.001)
    counters.executed(4, 0.004)
    http, grpc = counters.transport("http"), counters.transport("grpc")
    for rows, transport in ((3, http), (1, grpc), (1, http)):
        transport.succeeded(request=rows * 0.01, queued=0.5e-6, decoded=1e-6, computed=0.002, encoded=2e-6)
    http.failed("REJECTED", "503", 0.25)
    grpc.failed("OTHER", "INVALID_ARGUMENT", 0.5)
    (entry,) = document([("m", "7", counters)])["model_stats"]  # type: ignore[misc]
    assert (entry["name"], entry["version"]) == ("m", "7")
    assert (entry["inference_count"], entry["execution_count"]) == (9, 3)
    assert entry["last_inference"] == round(counters.last_inference * 1000)
    assert entry["inference_stats"] == {
        "success": {"count": 3, "ns": 50_000_000},
        "fail": {"count": 2, "ns": 750_000_000},
        "queue": {"count": 3, "ns": 1500},
        "compute_input": {"count": 3, "ns": 3000},
        "compute_infer": {"count": 3, "ns": 6_000_000},
        "compute_output": {"count": 3, "ns": 6000},
        "cache_hit": {"count": 0, "ns": 0},
        "cache_miss": {"count": 0, "ns": 0},
    }
    sizes = [(batch["batch_size"], batch["compute_infer"]) for batch in entry["batch_stats"]]
    assert sizes == [(1, {"count": 1, "ns": 1_000_000}), (4, {"count": 2, "ns": 6_000_000})]


def test_nothing_yet() -> None:
    (entry,) = document([("m", "1", ModelStatistics())])["model_stats"]  # type: ignore[misc]
    assert entry["last_inference"] == 0
    assert entry["batch_stats"] == []
    assert entry["inference_stats"]["success"] == {"count": 0, "ns": 0}
