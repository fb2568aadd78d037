"""The metrics port: what Prometheus' own parsers read, and that docs/server.md names exactly what is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

import onnx_server
from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, serving
from tests.contract.test_server_models import infer

PAGE = Path(onnx_server.__file__).parents[2] / "docs" / "server.md"
NAME = 'quote " and \\'
TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5, text/plain;version=0.0.4;q=0.3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("metrics")
    config = tmp_path / "server.yaml"
    config.write_text(f"model: {{name: '{NAME}'}}\n")
    with serving(onnx_models.linear(tmp_path / "m.onnx"), "--config", config, tmp_path=tmp_path) as started:
        started.wait_until_ready()
        for rows in (1, 2, 3, 700):
            assert infer(started, quote(NAME), x=("FP32", [rows, 64], [0.0] * 64 * rows)).is_success
        assert infer(started, quote(NAME), x=("FP32", [64], [0.0] * 64)).status_code == 400
        yield started


def families(server: ServerProcess, accept: str) -> dict[str, Metric]:
    answer = httpx.get(server.metrics_url, headers={"accept": accept})
    assert answer.status_code == 200
    openmetrics = answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert openmetrics == (accept == OPENMETRICS)
    parse = parse_openmetrics if openmetrics else parse_text
    return {family.name: family for family in parse(answer.text)}


@pytest.mark.parametrize("accept", [TEXT, OPENMETRICS, "*/*"])
def test_histograms_are_cumulative_and_complete(accept: str, server: ServerProcess) -> None:
    histograms = [family for family in families(server, accept).values() if family.type == "histogram"]
    assert len(histograms) == 4
    for family in histograms:
        series: dict[tuple[tuple[str, str], ...], dict[str, list[float]]] = {}
        for sample in family.samples:
            labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
            kind = sample.name.removeprefix(family.name)
            series.setdefault(labels, {}).setdefault(kind, []).append(sample.value)
        for values in series.values():
            buckets = values["_bucket"]
            assert buckets == sorted(buckets)
            assert values["_count"] == [buckets[-1]]
            assert values["_sum"][0] >= 0


def test_counters_and_labels(server: ServerProcess) -> None:
    found = families(server, OPENMETRICS)

    requests = {sample.labels["code"]: sample for sample in found["onnx_server_requests"].samples}
    assert {code: sample.value for code, sample in requests.items()} == {"200": 4, "400": 1}
    assert requests["200"].labels == {"model": NAME, "version": "1", "protocol": "http", "code": "200"}
    sizes = {s.labels["le"]: s.value for s in found["onnx_server_batch_size"].samples if "le" in s.labels}
    assert (sizes["1.0"], sizes["2.0"], sizes["4.0"], sizes["512.0"], sizes["1024.0"]) == (1, 2, 3, 3, 4)
    (nodes,) = found["onnx_server_execution_provider_nodes"].samples
    assert (nodes.labels["provider"], nodes.value) == ("CPU", 1)
    (info,) = found["onnx_server_model"].samples
    assert info.labels["execution_providers"] == "CPU"
    assert info.value == 1


def test_tritons_names_in_openmetrics_have_no_type_since_its_counters_end_in_total(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("metrics: {tritonNames: true}\n")
    arguments = (onnx_models.linear(tmp_path / "m.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as started:
        started.wait_until_ready()
        assert infer(started, "m", x=("FP32", [64], [0.0] * 64)).status_code == 400
        found = families(started, OPENMETRICS)
        assert families(started, TEXT)["nv_inference_request_failure"].type == "counter"
    failures = found["nv_inference_request_failure"]
    assert failures.type == "unknown"
    assert {sample.labels["reason"]: sample.value for sample in failures.samples}["OTHER"] == 1


def test_the_page_names_what_is_there_and_its_labels(server: ServerProcess) -> None:
    named: dict[str, set[str]] = {}
    above: set[str] = set()
    section = PAGE.read_text().split("\n## Metrics\n")[1].split("\n## ")[0]
    for names, labels in re.findall(r"^\| (`onnx_server_.*?) \|(.*?)\| .* \|$", section, re.MULTILINE):
        above = above if labels.strip() == "the same" else set(re.findall(r"`(\w+)`", labels))
        named |= dict.fromkeys(re.findall(r"`(\w+)`", names), above)
    exposed: dict[str, set[str]] = {}
    for family in families(server, TEXT).values():
        suffix = r"_(bucket|sum|count)$" if family.type == "histogram" else "$^"
        for sample in family.samples:
            if sample.name.startswith("onnx_server_"):
                labels = set(sample.labels) - {"le"}
                assert exposed.setdefault(re.sub(suffix, "", sample.name), labels) == labels
    assert named == exposed
