"""Profiles: over the control port, of requests that are answered meanwhile; by the command line, without a server."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import onnx_models
from tests.contract.server_process import ServerProcess, run, serving
from tests.contract.test_server_control import KEY, POD_UID, jwks, token


class Control:
    """The control port, as one who has the operator's key sees it."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        base = server.facts_url.removesuffix("/v1/facts")
        self.client = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token()}"})

    def start(self, **body: Any) -> httpx.Response:
        return self.client.post("/v1/profile", json=body)

    def wait(self, profile: dict[str, Any], *states: str, seconds: float = 60) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            document: dict[str, Any] = self.client.get(f"/v1/profile/{profile['id']}").json()
            if document["state"] in states:
                return document
            time.sleep(0.02)
        raise AssertionError(f"not {states} within {seconds} s: {document}")


def infer(server: ServerProcess, rounds: int) -> httpx.Response:
    entry = {"name": "rounds", "datatype": "INT64", "shape": [1], "data": [rounds]}
    return httpx.post(f"{server.url}/v2/models/m/infer", json={"inputs": [entry]}, timeout=60)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def control(tmp_path: Path, temporary: Path) -> Iterator[Control]:
    live = tmp_path / "live"
    live.mkdir()
    (live / "operator-keys.json").write_text(jwks(a=KEY))
    env = {"POD_UID": POD_UID, "TMPDIR": str(temporary)}
    model = onnx_models.busy(tmp_path / "m.onnx")
    with serving(model, "--live", live, tmp_path=tmp_path, env=env) as server:
        control = Control(server.wait_until_ready())
        with control.client:
            yield control


def test_the_next_requests_are_recorded_and_answered(control: Control, temporary: Path) -> None:
    started = control.start(requests=3, seconds=60)
    assert started.status_code == 202, started.text
    profile = started.json()
    assert started.headers["location"] == f"/v1/profile/{profile['id']}"
    assert (profile["model"], profile["version"], profile["requests"]) == ("m", "1", 3)
    control.wait(profile, "Recording")
    for rounds in (2, 3, 4, 50):
        assert infer(control.server, rounds).json()["outputs"][0]["data"] == [rounds]
    done = control.wait(profile, "Done", "Failed")
    assert done["state"] == "Done", done
    assert done["recorded"] == 3
    table = {row["operator"]: row for row in done["profile"]["operators"]}
    assert done["profile"]["runs"] == 3
    assert {"Loop", "MatMul", "ReduceSum"} <= table.keys()
    # The warm-up and the fourth request are not in it.
    assert table["MatMul"]["count"] == 2 + 3 + 4
    assert {row["provider"] for row in table.values()} == {"CPU"}
    assert 0 < table["MatMul"]["share"] < table["Loop"]["share"] <= 1
    assert table["MatMul"]["microseconds"] <= done["profile"]["microseconds"]
    assert [row["microseconds"] for row in done["profile"]["operators"]] == sorted(
        (row["microseconds"] for row in table.values()), reverse=True
    )

    fetched = control.client.get(done["trace"])
    assert fetched.status_code == 200
    # The Chrome trace format's form without an outer object: a list of events, complete ones with begin and duration.
    events = json.loads(fetched.content)
    nodes = [event for event in events if event["cat"] == "Node"]
    assert {event["args"]["op_name"] for event in nodes} >= {"Loop", "MatMul", "ReduceSum"}
    assert all(event["ph"] == "X" and event["dur"] >= 0 and event["ts"] >= 0 for event in nodes)

    again = control.client.get(f"/v1/profile/{profile['id']}/trace")
    assert again.status_code == 404
    assert "fetched before" in again.json()["error"]
    assert control.wait(profile, "Done")["trace"] is None
    assert [path for path in temporary.rglob("*") if path.is_file()] == []


def test_one_at_a_time_and_not_for_ever(control: Control, temporary: Path) -> None:
    profile = control.start(requests=1000, seconds=3).json()
    second = control.start()
    assert second.status_code == 409
    assert profile["id"] in second.json()["error"]
    control.wait(profile, "Recording")
    assert infer(control.server, 2).status_code == 200
    pending = control.client.get(f"/v1/profile/{profile['id']}/trace")
    assert pending.status_code == 404
    assert "recording" in pending.json()["error"]
    done = control.wait(profile, "Done", "Failed", seconds=30)
    assert (done["state"], done["recorded"], done["profile"]["runs"]) == ("Done", 1, 1)

    third = control.start(requests=1)
    assert third.status_code == 202
    control.wait(third.json(), "Recording")
    assert control.client.get(f"/v1/profile/{profile['id']}").status_code == 404
    control.server.terminate()
    control.server.terminate()
    assert control.server.wait() == 0
    assert list(temporary.iterdir()) == []


def test_what_cannot_be_done_is_said(control: Control, tmp_path: Path) -> None:
    for body, words in (
        ({"requests": 0}, "requests: Input should be greater"),
        ({"requests": 10**6}, "requests: Input should be less"),
        ({"seconds": 3600}, "seconds: Input should be less"),
        ({"runs": 1}, "runs: Extra inputs"),
    ):
        refused = control.start(**body)
        assert refused.status_code == 400
        assert words in refused.json()["error"]
    assert control.client.post("/v1/profile", content=b"[").status_code == 400
    assert control.start(model="other").status_code == 404
    assert control.client.get("/v1/profile/abc").status_code == 404
    for method, path in (("POST", "/v1/profile"), ("GET", "/v1/profile/abc"), ("GET", "/v1/profile/abc/trace")):
        assert control.client.request(method, path, headers={"Authorization": "Bearer nonsense"}).status_code == 401

    # Another file in the model's place must not answer requests.
    onnx_models.linear(tmp_path / "m.onnx")
    failed = control.wait(control.start().json(), "Done", "Failed")
    assert failed["state"] == "Failed"
    assert "m.onnx has changed" in failed["message"]
    assert infer(control.server, 2).status_code == 200


def test_a_request_that_fails_while_it_is_recorded_fails_as_ever(control: Control) -> None:
    profile = control.start(requests=2).json()
    control.wait(profile, "Recording")
    entry = {"name": "rounds", "datatype": "INT64", "shape": [1], "data": ["x"]}
    wrong = httpx.post(f"{control.server.url}/v2/models/m/infer", json={"inputs": [entry]})
    assert wrong.status_code == 400
    for _ in range(2):
        assert infer(control.server, 1).status_code == 200
    assert control.wait(profile, "Done")["profile"]["runs"] == 2


def test_the_command_line_needs_no_server(tmp_path: Path, temporary: Path) -> None:
    model = onnx_models.linear(tmp_path / "m.onnx")
    trace = tmp_path / "trace.json"
    env = {"TMPDIR": str(temporary)}
    done = run("profile", model, "--requests", "7", "--output", trace, tmp_path=tmp_path, env=env)
    assert done.status == 0, done.stderr
    head, row, last = done.stdout.splitlines()
    assert head.split()[:3] == ["operator", "provider", "count"]
    assert row.split()[:3] == ["MatMul", "CPU", "7"]
    assert last.startswith("7 runs, ")
    kernels = [event for event in json.loads(trace.read_bytes()) if event["cat"] == "Node"]
    assert len(kernels) == 8, "the warm-up is in the file"
    assert list(temporary.iterdir()) == []


def test_the_command_line_says_what_it_cannot_do(tmp_path: Path) -> None:
    model = onnx_models.reshape(tmp_path / "r.onnx", declared=False)
    refused = run("profile", model, tmp_path=tmp_path)
    assert (refused.status, refused.message["reason"]) == (1, "WarmUpFailed")
    assert "no inputs to profile the model with" in refused.message["message"]
    nowhere = run("profile", onnx_models.linear(tmp_path / "m.onnx"), "--output", tmp_path, tmp_path=tmp_path)
    assert (nowhere.status, nowhere.message["reason"]) == (1, "InvalidConfig")
    assert "--output" in nowhere.message["message"]


def test_nobody_notices_a_profile_but_by_its_memory(control: Control) -> None:
    stop, statuses = threading.Event(), Counter[int]()

    def client(rounds: int) -> None:
        while not stop.is_set():
            answer = infer(control.server, rounds)
            right = answer.status_code == 200 and answer.json()["outputs"][0]["data"] == [rounds]
            statuses[answer.status_code if right else 0] += 1

    threads = [threading.Thread(target=client, args=(rounds,)) for rounds in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            done = control.wait(control.start(requests=20).json(), "Done", "Failed")
            assert (done["state"], done["recorded"], done["profile"]["runs"]) == ("Done", 20, 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}
    (counted,) = httpx.get(f"{control.server.url}/v2/models/m/stats").json()["model_stats"]
    assert counted["execution_count"] == statuses[200], "a run in the second session counts as one"


def test_a_server_ends_though_the_second_session_is_still_loading(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "operator-keys.json").write_text(jwks(a=KEY))
    env = {"POD_UID": POD_UID, "TMPDIR": str(temporary)}
    model = onnx_models.slow_to_load(tmp_path / "slow.onnx")
    with serving(model, "--live", tmp_path / "live", tmp_path=tmp_path, env=env) as server:
        server.wait_for_log("ready", timeout=120)
        control = Control(server)
        with control.client:
            assert control.start().json()["state"] == "Loading"
        server.terminate()
        server.terminate()
        assert server.wait() == 0
    assert list(temporary.iterdir()) == []
