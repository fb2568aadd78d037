"""Unmodified perf_analyzer over HTTP and gRPC: it reads metadata, configuration and statistics, and believes them."""

import csv
from pathlib import Path

import pytest

from tests.contract import onnx_models, perf_analyzer
from tests.contract.perf_analyzer import PerfAnalyzer
from tests.contract.server_process import serving

pytestmark = pytest.mark.skipif(
    not perf_analyzer.runs_here(), reason="perf_analyzer is a program for Linux on x86-64 only"
)
# A window ends after so many requests, and every window is steady enough for us.
QUICKLY = ("--measurement-mode", "count_windows", "--measurement-request-count", "20", "-s", "10000")


@pytest.fixture(scope="session")
def analyzer() -> PerfAnalyzer:
    return perf_analyzer.install()


@pytest.mark.parametrize("way", [("http",), ("grpc",), ("grpc", "--streaming", "--async")], ids=" ".join)
@pytest.mark.parametrize("batch", ["1", "4"])
def test_a_measurement(batch: str, way: tuple[str, ...], analyzer: PerfAnalyzer, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    with serving(onnx_models.linear(tmp_path / "mlp.onnx"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        address = f"127.0.0.1:{server.http_port}" if way[0] == "http" else server.grpc_address
        ended = analyzer.run("-m", "mlp", "-u", address, "-i", *way, "-b", batch, "-f", str(table), *QUICKLY)
    assert ended.returncode == 0, ended.stdout
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert float(row["Inferences/Second"]) > 0
    # The server's own statistics are in its report.
    assert "Successful request count" in ended.stdout
    assert float(row["Server Compute Infer"]) > 0


def test_a_batch_over_the_limit_is_told_in_the_servers_words(analyzer: PerfAnalyzer, tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("maxBatchSize: 8\n")
    model = onnx_models.linear(tmp_path / "mlp.onnx")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as server:
        server.wait_until_ready()
        ended = analyzer.run("-m", "mlp", "-u", f"127.0.0.1:{server.http_port}", "-i", "http", "-b", "9")
    assert ended.returncode != 0
    assert "maxBatchSize is 8" in ended.stdout
