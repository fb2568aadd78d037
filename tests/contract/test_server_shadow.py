"""Copies of requests, between two real servers and their real clients: what is sent, compared, counted and dropped."""

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from tritonclient.grpc import service_pb2_grpc

from tests.contract import onnx_models
from tests.contract.busy_rounds import rounds_that_take
from tests.contract.scripted_pod import Behaviour, scripted_pod
from tests.contract.split_pods import MODEL, Pod, pod, wait_for
from tests.contract.test_server_connect import PATH, PROTO
from tests.contract.test_server_grpc_split import asking, version_of
from tests.contract.test_server_split import BODY, INFER, asked, scripted

ALL = {"percent": 100, "maxInFlight": 64}
RAN = r"rows=1 elements=1 compute=\d+ work=\d+ lead=1"


@pytest.fixture(scope="module", params=["On", "Off"])
def pods(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pod, Pod]]:
    folder = tmp_path_factory.mktemp("shadow")
    settings = f"httpQuickPath: '{request.param}'\n"
    with pod("v1", folder / "stable", settings) as stable, pod("v2", folder / "candidate", settings) as candidate:
        yield stable, candidate


@pytest.fixture
def stable(pods: tuple[Pod, Pod]) -> Pod:
    return pods[0]


@pytest.fixture
def candidate(pods: tuple[Pod, Pod]) -> Pod:
    return pods[1]


@pytest.fixture
def client(stable: Pod) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stable.server.url, timeout=30) as client:
        yield client


@pytest.fixture
def stub(stable: Pod) -> Iterator[Any]:
    with grpc.insecure_channel(stable.server.grpc_address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


courses = iter(range(1000))


def shadow(of: Pod, *candidates: dict[str, Any], weight: int = 0, course: str = "", **more: Any) -> str:
    """Copy as `more` says, by default everything, in a course of its own; return its name."""
    name = course or f"course-{next(courses)}"
    of.split(weight, *candidates, course=name, shadow=ALL | more)
    return name


def settled(of: Pod, copies: int) -> Any:
    """Return the state once so many copies are over."""

    def over() -> bool:
        state = of.state()["shadow"]
        return state["sampled"] == copies and state["underWay"] == 0

    wait_for(over)
    return of.state()


def test_copies_are_compared(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    before = stable.server.metrics(), candidate.server.metrics()
    course = shadow(stable, candidate.as_candidate())
    for copies in range(1, 41):  # one by one: of copies that come together the candidate makes other batches
        assert asked(client, 1) == {"v1": 1}
        state = settled(stable, copies)
    assert state["shadow"] == {
        "percent": 100,
        "sampled": 40,
        "underWay": 0,
        "compared": 40,
        "failed": 0,
        "replayed": 0,
        "dropped": {"inFlight": 0, "bytes": 0, "overloaded": 0, "unreachable": 0, "interrupted": 0},
    }
    evidence = state["evidence"]
    assert evidence["course"] == course
    assert evidence["stable"] == {"requests": 40, "errors": 0}
    assert evidence["candidate"] == {"requests": 40, "errors": 0, "late": 0}
    assert state["arms"]["stable"]["requests"] == state["arms"]["candidate"]["requests"] == 0
    (output,) = evidence["outputs"]
    assert (output["name"], output["samples"], output["equal"], output["maxAbsoluteError"]) == ("y", 40, 0, 1.0)
    # The first 10 and three of the others, or fewer where copies came while one ran.
    assert 4 <= output["self"]["samples"] == output["self"]["equal"] <= 13
    digest = {worst["digest"] for worst in evidence["worst"]}
    assert len(digest) == len(evidence["worst"]) > 0
    # All of one row: each copy has its own execution beside it.
    assert 30 <= sum(evidence["compute"].values()) <= 44
    assert 30 <= sum(evidence["work"].values()) <= 40  # fewer where the candidate ran two at once
    after = stable.server.metrics(), candidate.server.metrics()

    def grew(of: int, sample: str) -> float:
        return after[of][sample] - before[of].get(sample, 0)

    assert grew(0, 'onnx_server_shadow_copies_total{outcome="compared"}') == 40
    assert grew(1, 'onnx_server_forwarded_requests_total{direction="in",outcome="answered"}') == 40
    assert grew(0, 'onnx_server_forwarded_requests_total{direction="out",outcome="answered"}') == 0
    assert after[0]['onnx_server_shadow_output_samples_total{output="y"}'] == 40
    assert after[0]['onnx_server_shadow_output_equal_total{output="y"}'] == 0
    assert after[0]["onnx_server_shadow_percent"] == 100


def test_the_share_is_exact(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    shadow(stable, candidate.as_candidate(), percent=20)
    assert asked(client, 100) == {"v1": 100}
    state = settled(stable, 20)
    assert state["evidence"]["stable"]["requests"] == 100
    assert state["evidence"]["outputs"][0]["samples"] == state["shadow"]["compared"]


def test_equal_outputs_are_equal(stable: Pod, tmp_path_factory: pytest.TempPathFactory, client: httpx.Client) -> None:
    with pod("v1", tmp_path_factory.mktemp("twin") / "pod") as twin:
        shadow(stable, twin.as_candidate())
        asked(client, 10)
        state = settled(stable, 10)
    (output,) = state["evidence"]["outputs"]
    assert (output["samples"], output["equal"], output["maxAbsoluteError"]) == (10, 10, 0.0)


def test_the_form_of_a_copy(stable: Pod, client: httpx.Client, stub: Any) -> None:
    with scripted_pod() as seen:
        shadow(stable, scripted(seen))
        client.post(INFER, json=BODY | {"id": "mine", "parameters": {"priority": 1}}, headers={"x-user": "anna"})
        stub.ModelInfer(asking(0.0, id="mine"))
        settled(stable, 2)
    over_http, over_grpc = seen.received
    assert over_http == over_grpc
    assert over_http.line == f"POST {INFER} HTTP/1.1"
    assert over_http.headers["onnx-forwarded"] == "digits-v1"
    assert "x-user" not in over_http.headers
    length = int(over_http.headers["inference-header-content-length"])
    assert json.loads(over_http.body[:length]) == {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}],
        "parameters": {"binary_data_output": True},
    }
    assert over_http.body[length:] == np.float32(0).tobytes()


@pytest.mark.parametrize(
    ("behaviour", "status", "dropped"),
    [
        ("answer", 500, None),
        ("answer", 400, None),
        ("answer", 200, None),  # not one of the protocol's
        ("reset", 200, None),
        ("half", 200, None),
        ("garbage", 200, None),
        ("answer", 503, "overloaded"),
        ("answer", 413, "bytes"),
    ],
)
def test_what_candidates_answer(
    stable: Pod, client: httpx.Client, behaviour: Behaviour, status: int, dropped: str | None
) -> None:
    with scripted_pod(behaviour) as bad:
        target = scripted(bad)
        bad.status = status
        shadow(stable, target, weight=0)
        assert asked(client, 12) == {"v1": 12}
        state = settled(stable, 12)
    errors = 0 if dropped else 12
    assert state["shadow"]["failed"] == errors
    assert state["shadow"]["compared"] == 0
    assert sum(state["shadow"]["dropped"].values()) == 12 - errors
    if dropped:
        assert state["shadow"]["dropped"][dropped] == 12
    assert state["evidence"]["candidate"] == {"requests": errors, "errors": errors, "late": 0}
    assert not state["breaker"]["open"]


def test_nobody_listens(stable: Pod, client: httpx.Client) -> None:
    shadow(stable, {"podUid": "gone", "address": "127.0.0.1", "port": 1})
    assert asked(client, 5) == {"v1": 5}
    state = settled(stable, 5)
    assert state["shadow"]["dropped"]["unreachable"] == 5
    assert state["evidence"]["candidate"]["requests"] == 0
    shadow(stable)
    assert asked(client, 5) == {"v1": 5}
    assert settled(stable, 5)["shadow"]["dropped"]["unreachable"] == 5


def test_a_candidate_that_hangs_costs_clients_nothing(stable: Pod, client: httpx.Client) -> None:
    with scripted_pod("hang") as slow:
        shadow(stable, scripted(slow), maxInFlight=2)
        before = time.monotonic()
        assert asked(client, 100) == {"v1": 100}
        assert time.monotonic() - before < 5
        state = stable.state()
        assert (state["shadow"]["underWay"], state["shadow"]["dropped"]["inFlight"]) == (2, 98)
        assert len(slow.received) <= 2
        state = settled(stable, 100)
        assert 9 < time.monotonic() - before < 15
        assert state["shadow"]["failed"] == 2
        assert state["evidence"]["candidate"] == {"requests": 2, "errors": 0, "late": 2}
        wait_for(lambda: slow.left == 2)


def test_copies_that_are_too_large_are_dropped(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    shadow(stable, candidate.as_candidate(), maxBytes=1024)
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [256], "data": [0] * 256}]}
    assert client.post(INFER, json=body).status_code == 200
    assert asked(client, 1) == {"v1": 1}
    state = settled(stable, 2)
    assert (state["shadow"]["dropped"]["bytes"], state["shadow"]["compared"]) == (1, 1)


def test_a_copy_that_is_too_large_for_the_candidate_is_nobodys_error(
    stable: Pod, tmp_path_factory: pytest.TempPathFactory, client: httpx.Client
) -> None:
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [100_000], "data": [0] * 100_000}]}
    with pod("v2", tmp_path_factory.mktemp("narrow") / "pod", "maxBodyBytes: 300000\n") as narrow:
        shadow(stable, narrow.as_candidate())
        assert client.post(INFER, content=json.dumps(body, separators=(",", ":"))).status_code == 200
        state = settled(stable, 1)
    assert state["shadow"]["dropped"]["bytes"] == 1
    assert state["evidence"]["candidate"] == {"requests": 0, "errors": 0, "late": 0}


def test_an_answer_that_is_too_large_is_none(stable: Pod, client: httpx.Client) -> None:
    with scripted_pod() as flood:
        shadow(stable, scripted(flood), maxBytes=1024)
        flood.body = b"x" * 100_000
        asked(client, 1)
        assert settled(stable, 1)["shadow"]["failed"] == 1


def test_a_course_is_remembered_over_generations(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    course = shadow(stable, candidate.as_candidate())
    asked(client, 10)
    before = settled(stable, 10)
    after = stable.split(0, candidate.as_candidate(), course=course)
    assert after["generation"] == before["generation"] + 1
    assert after["evidence"] == before["evidence"]
    assert after["shadow"] == before["shadow"] | {"percent": 0}
    # Without copies requests are counted still.
    asked(client, 5)
    assert stable.state()["evidence"]["stable"]["requests"] == 15
    tighter = stable.split(0, candidate.as_candidate(), course=course, shadow=ALL | {"relativeTolerance": 0.1})
    assert tighter["evidence"]["outputs"] == []
    assert tighter["evidence"]["stable"]["requests"] == 15
    anew = stable.split(0, candidate.as_candidate(), course="another", shadow=ALL)
    assert anew["evidence"]["stable"]["requests"] == anew["shadow"]["sampled"] == 0
    assert anew["evidence"]["outputs"] == []
    other = stable.split(0, candidate.as_candidate(), course="another", revision=f"{MODEL}-v3")
    assert other["evidence"]["stable"]["requests"] == 0


def test_what_is_forwarded_is_evidence_too(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    stable.split(50, candidate.as_candidate(), course=f"course-{next(courses)}")
    assert asked(client, 40) == {"v1": 20, "v2": 20}
    state = stable.state()
    evidence = state["evidence"]
    assert evidence["stable"] == state["arms"]["stable"] == {"requests": 20, "errors": 0}
    assert evidence["candidate"] == {"requests": 20, "errors": 0, "late": 0}
    assert sum(evidence["compute"].values()) >= 10
    assert evidence["work"] == {}


def test_what_is_not_copied(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    shadow(stable, candidate.as_candidate(), weight=0)
    assert client.post(INFER, json={"inputs": []}).status_code == 400
    assert asked(client, 1, **{"onnx-forwarded": "digits-v0"}) == {"v1": 1}
    assert client.post(f"/v2/models/{MODEL}/versions/v1/infer", json=BODY).status_code == 200
    assert asked(client, 1) == {"v1": 1}
    state = settled(stable, 1)
    assert state["evidence"]["stable"] == {"requests": 2, "errors": 0}
    assert state["shadow"]["compared"] == 1


def test_how_a_request_ran(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    stable.split(100, candidate.as_candidate())
    for url, body, headers in (
        (INFER, json.dumps(BODY).encode(), {}),
        (PATH, asking().SerializeToString(), PROTO),
    ):
        told = httpx.post(f"{candidate.server.url}{url}", content=body, headers={**headers, "onnx-forwarded": "other"})
        fields = dict(field.split("=") for field in told.headers["onnx-ran"].split())
        assert list(fields) == ["rows", "elements", "compute", "work", "lead"]
        assert (fields["rows"], fields["elements"], fields["lead"]) == ("1", "1", "1")
        assert 0 <= int(fields["compute"]) <= int(fields["work"]) < 1_000_000
        # Nobody else hears of it.
        assert "onnx-ran" not in httpx.post(f"{candidate.server.url}{url}", content=body, headers=headers).headers
        forwarded = client.post(url, content=body, headers=headers)
        assert forwarded.status_code == 200
        assert "onnx-ran" not in forwarded.headers
    assert stable.arms()["candidate"]["answered"] == 2


def test_grpc_is_copied(stable: Pod, candidate: Pod, stub: Any) -> None:
    shadow(stable, candidate.as_candidate())
    assert {version_of(stub.ModelInfer(asking(value)), value) for value in range(10)} == {"v1"}
    state = settled(stable, 10)
    assert state["shadow"]["compared"] == state["evidence"]["outputs"][0]["samples"] == 10
    answers = list(stub.ModelStreamInfer(asking(value, id=str(value)) for value in range(10)))
    assert [answer.infer_response.id for answer in answers] == list(map(str, range(10)))
    state = settled(stable, 20)
    assert state["shadow"]["compared"] == state["evidence"]["outputs"][0]["samples"] == 20
    assert state["evidence"]["stable"] == {"requests": 20, "errors": 0}


def test_the_worst_inputs(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    def of(digest: str) -> httpx.Response:
        return stable.control.get(f"/v1/shadow/worst/{digest}")

    shadow(stable, candidate.as_candidate())
    asked(client, 1)
    (worst,) = settled(stable, 1)["evidence"]["worst"]
    assert of(worst["digest"]).status_code == 404
    assert "keepInputs" in of(worst["digest"]).json()["error"]
    shadow(stable, candidate.as_candidate(), keepInputs=True)
    asked(client, 1)
    (worst,) = settled(stable, 1)["evidence"]["worst"]
    assert of(worst["digest"]).json() == BODY
    assert of("sha256:" + hashlib.sha256().hexdigest()).status_code == 404
    assert httpx.get(str(of(worst["digest"]).request.url)).status_code == 401


def test_clients_wait_for_no_copy(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    """What is forwarded is answered while copies hang: they have connections of their own."""
    with scripted_pod() as slow:
        slow.hangs = lambda received: "inference-header-content-length" in received.headers
        shadow(stable, scripted(slow), weight=50)
        # On a slow machine this pod may be quicker than the candidate now and then.
        assert asked(client, 20)["v2"] >= 7
        state = stable.state()
        of_candidate = state["arms"]["candidate"]
        assert (of_candidate["requests"], of_candidate["errors"]) == (10, of_candidate["failures"]["late"])
        assert state["shadow"]["underWay"] == state["shadow"]["sampled"] == 10
        assert state["candidates"][0]["inFlight"] == 0
        wait_for(lambda: len(slow.received) == 20)


def test_a_restart_of_the_split_leaves_nothing_behind(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    shadow(stable, candidate.as_candidate())
    asked(client, 3)
    settled(stable, 3)
    state = stable.control.put(
        "/v1/split",
        json={"generation": stable.state()["generation"], "revision": None, "weight": 0, "candidates": []},
    ).json()
    assert state["shadow"]["sampled"] == state["evidence"]["stable"]["requests"] == 0
    asked(client, 3)
    assert stable.state()["evidence"]["stable"]["requests"] == 0


def test_a_pod_that_always_has_requests_learns_how_much_its_model_differs_from_itself(tmp_path: Path) -> None:
    """Its own runs come after all clients' requests: the first one never has its turn, the next ones take it."""
    off = "batching: {mode: 'Off'}\n"
    rounds = {"name": "rounds", "datatype": "INT64", "shape": [1], "data": [rounds_that_take(0.02)]}
    enough = threading.Event()

    def ask(url: str) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not enough.is_set():
                client.post(INFER, json={"inputs": [rounds]}).raise_for_status()

    with (
        pod("v1", tmp_path / "stable", off, onnx_models.busy) as stable,
        pod("v2", tmp_path / "candidate", off, onnx_models.busy) as candidate,
        ThreadPoolExecutor(3) as threads,
    ):
        asking = [threads.submit(ask, stable.server.url) for _ in range(3)]
        shadow(stable, candidate.as_candidate(), maxInFlight=2)  # the operator's; more copies only wait for each other
        try:
            wait_for(lambda: own_runs(stable) >= 8, seconds=200)
        finally:
            enough.set()
        for each in asking:
            each.result()


def test_copies_go_on_in_the_pod_when_their_process_is_killed(
    stable: Pod, candidate: Pod, client: httpx.Client
) -> None:
    shadow(stable, candidate.as_candidate())
    assert asked(client, 5) == {"v1": 5}
    assert settled(stable, 5)["shadow"]["compared"] == 5
    mirror = only_child(stable)
    os.kill(mirror, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{mirror}").exists())
    assert asked(client, 5) == {"v1": 5}
    state = settled(stable, 10)
    # What had been compared is lost, what is known of errors and durations is not.
    assert state["evidence"]["outputs"][0]["samples"] == state["shadow"]["compared"] - 5 > 0
    assert state["evidence"]["candidate"]["requests"] == state["shadow"]["compared"]
    assert state["shadow"]["failed"] == 0
    stable.split(0)
    shadow(stable, candidate.as_candidate())
    wait_for(lambda: len(children(stable)) == 1)


def test_the_process_that_copies_ends_with_its_course(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    name = shadow(stable, candidate.as_candidate())
    mirror = only_child(stable)
    assert asked(client, 1) == {"v1": 1}
    settled(stable, 1)
    stable.split(50, candidate.as_candidate(), course=name)
    assert only_child(stable) == mirror  # it has the inputs that may be asked for
    stable.split(0, course="another")
    wait_for(lambda: not children(stable))


def only_child(of: Pod) -> int:
    wait_for(lambda: len(children(of)) == 1)  # that of the course before may not have gone yet
    return children(of)[0]


def children(of: Pod) -> list[int]:
    """Return the processes that a server has started."""
    tasks = Path(f"/proc/{of.server.process.pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def own_runs(of: Pod) -> int:
    return sum(output["self"]["samples"] for output in of.state()["evidence"]["outputs"])
