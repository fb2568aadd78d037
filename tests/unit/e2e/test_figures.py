"""What the scenarios and the soak count and print."""

import io
import json
import threading
from collections import Counter
from pathlib import Path

from tests.e2e import load, load_client
from tests.e2e.judging import counted, samples
from tests.e2e.load import Load, Request
from tests.e2e.pod_counters import FORWARDED, WEIGHT, Counters, Look
from tests.e2e.scenario_table import HEADERS, JUDGED_HEADERS, Judged, Row, table
from tests.e2e.soak_report import Soak, section
from tests.e2e.weights import unready_weights
from tests.integration.invariants import State

OK = Request("grpc unary", 1.0, 0.002, "abc", 2.0, None)
LOST = Request("grpc stream", 2.0, 15.0, "", 0.0, "LostError: 500")


def test_a_lost_request_is_named_and_counts_nowhere_else() -> None:
    assert load.lost([OK, LOST]) == ["2.00 grpc stream: LostError: 500"]
    assert load.by_version([OK, OK, LOST]) == Counter(abc=2)
    assert load.percentile([OK, LOST], 1.0) == 0.002
    assert load.percentile([LOST], 0.99) == 0.0
    assert load.within([OK, LOST], 1.0, 2.0) == [OK]


def test_a_percentile_is_a_time_that_was_measured() -> None:
    requests = [Request("http connections", 0.0, float(place), "abc", 1.0, None) for place in range(1, 101)]
    assert load.percentile(requests, 0.5) == 51.0
    assert load.percentile(requests, 0.99) == 100.0


def test_a_line_that_is_not_whole_is_not_read_yet(tmp_path: Path) -> None:
    for index in range(len(load_client.KINDS)):
        (tmp_path / f"client-{index}.jsonl").write_text("")
    whole = json.dumps([1.0, 0.002, "abc", 2.0, None])
    (tmp_path / "client-2.jsonl").write_text(f"{whole}\n{whole[:7]}")
    asked = Load("10.0.0.1", "m", tmp_path)
    assert asked.requests() == [OK]
    assert asked.count() == 1


class Broken:
    """A client whose requests fail in turn."""

    def __init__(self) -> None:
        self.asked = 0

    def prepare(self) -> None: ...

    def close(self) -> None: ...

    def ask(self) -> tuple[str, float]:
        self.asked += 1
        if self.asked % 2:
            raise ConnectionResetError("gone")
        return "abc", 2.0


def test_a_client_asks_no_request_twice_and_goes_on_after_a_loss() -> None:
    client, stop, seen = Broken(), threading.Event(), []
    for request in load_client.asked(client, stop, 0.0):
        seen.append(request)
        if len(seen) == 4:
            stop.set()
    assert client.asked == 4
    assert [lost for *_, lost in seen] == ["ConnectionResetError: gone", None] * 2


def test_servers_metrics_are_read_as_they_are_written() -> None:
    text = io.StringIO(
        "# TYPE onnx_server_split_weight_percent gauge\n"
        "onnx_server_split_weight_percent 25\n"
        'onnx_server_forwarded_requests_total{direction="out",outcome="late"} 3\n'
        'onnx_server_forwarded_requests_total{direction="in",outcome="failed"} 4\n'
    ).getvalue()
    weight = WEIGHT.search(text)
    assert weight
    assert weight[1] == "25"
    assert FORWARDED.findall(text) == [("late", "3")]
    look = Look(0.0, 0.1, {"u": Counters("m-abc", 25.0, {"late": 3.0, "answered": 9.0})})
    assert look.weights("m-abc") == {25.0}
    assert look.weights("m-xyz") == set()
    assert look.failures(frozenset({"late", "reset"})) == 3.0


def test_the_table_has_a_row_a_scenario() -> None:
    rows = [Row("good", 1234, 0, 600, 0.0041, None, "2 in 2 pods"), Row("bad", 10, 1, 0, -0.001, 0.44, "1 in 1 pods")]
    head, line, good, bad = table(HEADERS, rows)
    assert {len(text) for text in (head, line, good, bad)} == {len(head)}
    assert [cell.strip() for cell in good.split("|")[1:-1]] == ["good", "1,234", "0", "600", "+4.1", "-", "2 in 2 pods"]
    assert [cell.strip() for cell in bad.split("|")[1:-1]] == ["bad", "10", "1", "0", "-1.0", "0.4", "1 in 1 pods"]


def test_the_table_of_judgements_says_what_caught_it_and_what_users_saw() -> None:
    rows = [
        Judged("permuted", "outputs", 40, 2.31, 6.0, None, 0, 1234, 0, 0, 0),
        Judged("equal", "promoted", None, 30.0, 34.0, 0.51, 100, 5000, 2000, 0, 2),
    ]
    permuted, equal = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table(JUDGED_HEADERS, rows)[2:])
    assert permuted == ["permuted", "outputs", "40", "2.3", "6.0", "-", "0 %", "1,234", "0", "0", "0"]
    assert equal == ["equal", "promoted", "-", "30.0", "34.0", "0.5", "100 %", "5,000", "2,000", "0", "2"]


def test_the_soaks_section_says_what_was_lost() -> None:
    soak = Soak(30.4, Counter({"grpc unary": 600_000, "grpc stream": 400_000}), 2, Counter(aborted=3), 0.001, 0.02, 0.5)
    machine = {"cores": 2, "cpu": "a", "memoryGiB": 8.0, "kernel": "6"}
    text = section(soak, machine, "abc-dirty", "2026-01-01T00:00:00+00:00")
    assert text.startswith("# Soak of rollouts\n")
    assert "| requests | 1,000,000 (400,000 grpc stream, 600,000 grpc unary) | ≥ 1,000,000 | met |" in text
    assert "| lost | 2 | 0 | **NOT MET** |" in text
    assert "1.0 / 20.0 / 500.0" in text
    assert "| aborted | 3 |" in text


def test_the_samples_of_a_verdict_are_those_told_last() -> None:
    told = [[{"check": "outputs", "samples": 20}], [{"check": "outputs", "samples": 50}], [{"check": "outputs"}], []]
    rollouts = [{"checks": checks} for checks in told]
    assert samples(rollouts, "outputs") == 50
    assert samples(rollouts, "latency") is None
    assert samples([{}], "outputs") is None
    assert counted("At step 1/5: label: 0 of 12 copies agree with the stable revision's, and 50 % have to.") == 12
    assert counted("its memory grows steadily.") is None


def test_a_weight_that_outlives_the_last_ready_pod_is_told() -> None:
    model = {"status": {"stableRevision": "m-a", "rollout": {"revision": "m-b"}}}
    states = [(0.0, State({("ONNXModel", "m"): model}))]
    forwarding, still = {"u": Counters("m-a", 25.0, {})}, {"u": Counters("m-a", 0.0, {})}
    looks = [Look(at, at + 0.1, forwarding) for at in (1.0, 2.0, 3.0, 3.5)]
    told = unready_weights(looks, states, since=0.5)
    assert [text.partition(" after")[0] for text in told] == ["2.6 s", "3.1 s"]
    assert unready_weights(looks[:2], states, since=0.5) == []
    assert unready_weights([Look(at, at + 0.1, still) for at in (1.0, 9.0)], states, since=0.5) == []
