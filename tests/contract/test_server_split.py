"""The split as HTTP clients see it, with the quick path and without: exact shares, and an answer whatever happens."""

import gzip
import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import numpy as np
import pytest

from tests.contract.scripted_pod import Behaviour, ScriptedPod, scripted_pod
from tests.contract.split_pods import MODEL, Pod, pod, wait_for

INFER = f"/v2/models/{MODEL}/infer"
BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [0]}]}
ANSWER = json.dumps({"model_name": MODEL, "model_version": "v2", "outputs": [{"data": [2.0]}]}).encode()


@pytest.fixture(scope="module", params=["On", "Off"])
def pods(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pod, Pod]]:
    folder = tmp_path_factory.mktemp("split")
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


def version(answer: httpx.Response) -> str:
    """Return who answered, by the numbers; what the answer says of itself must agree."""
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["model_version"] == f"v{document['outputs'][0]['data'][0]:.0f}"
    return str(document["model_version"])


def asked(client: httpx.Client, times: int, **headers: str) -> Counter[str]:
    return Counter(version(client.post(INFER, json=BODY, headers=headers)) for _ in range(times))


def scripted(of: ScriptedPod, uid: str = "scripted") -> dict[str, Any]:
    of.body = ANSWER
    return {"podUid": uid, "address": "127.0.0.1", "port": of.port}


def test_a_thousand_requests_at_five_percent(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    before = stable.server.metrics(), candidate.server.metrics()
    stable.split(5, candidate.as_candidate())
    assert asked(client, 1000) == {"v1": 950, "v2": 50}
    state = stable.state()
    assert state["arms"]["stable"] == {"requests": 950, "errors": 0}
    assert state["arms"]["candidate"]["requests"] == state["arms"]["candidate"]["answered"] == 50
    assert state["arms"]["candidate"]["errors"] == 0
    after = stable.server.metrics(), candidate.server.metrics()

    def grew(of: int, sample: str) -> float:
        return after[of][sample] - before[of].get(sample, 0)

    served = 'onnx_server_requests_total{model="%s",version="%s",protocol="http",code="200"}'
    assert grew(0, served % (MODEL, "v1")) == 950
    assert grew(1, served % (MODEL, "v2")) == 50
    assert grew(0, 'onnx_server_forwarded_requests_total{direction="out",outcome="answered"}') == 50
    assert grew(1, 'onnx_server_forwarded_requests_total{direction="in",outcome="answered"}') == 50
    assert after[0]["onnx_server_split_weight_percent"] == 5
    assert after[0][f'onnx_server_in_flight_requests{{model="{MODEL}",version="v1"}}'] == 0


def test_large_bodies_on_one_connection_while_a_split_comes_and_goes(stable: Pod, candidate: Pod) -> None:
    said = json.dumps(
        {
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [40000], "parameters": {"binary_data_size": 160000}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    headers = {"Inference-Header-Content-Length": str(len(said))}
    stable.split(0)
    with closing(http.client.HTTPConnection("127.0.0.1", stable.server.http_port, timeout=30)) as connection:

        def versions(times: int) -> Counter[int]:
            found = Counter[int]()
            for value in range(times):
                connection.request("POST", INFER, said + np.full(40000, value, "<f4").tobytes(), headers)
                answer = connection.getresponse()
                body = answer.read()[int(answer.headers["Inference-Header-Content-Length"]) :]
                assert answer.status == 200
                (shift,) = set(np.frombuffer(body, "<f4") - value)
                found[int(shift)] += 1
            return found

        assert versions(5) == {1: 5}
        stable.split(50, candidate.as_candidate())
        assert versions(100) == {1: 50, 2: 50}
        stable.split(100, candidate.as_candidate())
        assert versions(5) == {2: 5}
        stable.split(0)
        assert versions(5) == {1: 5}


@pytest.mark.parametrize(
    ("behaviour", "status", "failure"),
    [
        ("reset", 200, "reset"),
        ("half", 200, "reset"),
        ("garbage", 200, "reset"),
        ("answer", 500, "serverError"),
        ("answer", 503, "overloaded"),
        ("answer", 400, "clientError"),
        ("hang", 200, "late"),
    ],
)
def test_the_client_has_its_answer_whatever_the_candidate_does(
    stable: Pod, client: httpx.Client, behaviour: Behaviour, status: int, failure: str
) -> None:
    with scripted_pod(behaviour) as bad:
        candidate = scripted(bad)
        bad.status = status
        stable.split(100, candidate)
        assert asked(client, 4) == {"v1": 4}
        arms = stable.arms()
    assert arms["stable"]["requests"] == 0
    assert arms["candidate"]["requests"] == arms["candidate"]["errors"] == arms["candidate"]["failures"][failure] == 4
    assert arms["candidate"]["answered"] == 0


def test_nobody_listens(stable: Pod, client: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    stable.split(100, {"podUid": "gone", "address": "127.0.0.1", "port": port})
    assert asked(client, 20) == {"v1": 20}
    state = stable.state()
    assert state["candidates"][0]["reachable"] is False
    # It is asked again after a second, not at each request.
    assert state["arms"]["candidate"]["requests"] == state["arms"]["candidate"]["failures"]["refused"] == 1
    with scripted_pod(port=port) as pod:
        scripted(pod)
        time.sleep(1.05)
        assert asked(client, 5) == {"v2": 5}
    assert stable.state()["candidates"][0]["reachable"] is True


def test_a_mistake_of_the_clients_is_not_the_candidates(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    stable.split(100, candidate.as_candidate())
    for _ in range(10):
        answer = client.post(INFER, json={"inputs": []})
        assert answer.status_code == 400
        assert "error" in answer.json()
    state = stable.state()
    assert state["arms"]["candidate"]["requests"] == 10
    assert state["arms"]["candidate"]["errors"] == state["arms"]["candidate"]["answered"] == 0
    assert not state["breaker"]["open"]


def test_a_hanging_candidate_costs_little_time(stable: Pod, client: httpx.Client) -> None:
    with scripted_pod() as slow:
        candidate = scripted(slow)
        stable.split(50, candidate)
        asked(client, 100)
        slow.behaviour = "hang"
        before = time.monotonic()
        while stable.arms()["candidate"]["errors"] < 3:
            assert asked(client, 1) == {"v1": 1}
        assert time.monotonic() - before < 2
        assert stable.arms()["candidate"]["failures"]["late"] == 3
        wait_for(lambda: slow.left == 3)


def test_the_breaker(stable: Pod, client: httpx.Client) -> None:
    with scripted_pod() as bad:
        candidate = scripted(bad)
        bad.status = 500
        stable.split(50, candidate)
        assert asked(client, 100) == {"v1": 100}
        state = stable.state()
        assert state["breaker"] == {
            "open": True,
            "reason": "5 of the last 5 forwarded requests failed: serverError 5",
        }
        assert (state["weight"], state["appliedWeight"], len(bad.received)) == (50, 0, 5)
        bad.status = 200
        stable.split(50, candidate)
        assert asked(client, 10)["v2"] == 5
    assert stable.state()["appliedWeight"] == 50


def test_users_stay_where_they_are_while_the_weight_grows(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    users = [f"user-{i}" for i in range(60)]
    moved: set[str] = set()
    for weight in (0, 20, 60, 100):
        stable.split(weight, candidate.as_candidate(), stickyBy={"header": "X-User"})
        for _ in range(2):
            now = {user for user in users if asked(client, 1, **{"x-user": user})["v2"]}
            assert moved <= now
            moved = now
        assert len(moved) == {0: 0, 100: 60}.get(weight, len(moved))
    stable.split(20, candidate.as_candidate(), stickyBy={"header": "X-User"})
    assert asked(client, 100)["v2"] == 20


def test_a_tester_sees_the_candidate(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    header = {"x-preview": "1"}
    stable.split(0, candidate.as_candidate(), previewHeader="X-Preview")
    assert asked(client, 3, **header) == {"v2": 3}
    assert asked(client, 3, **{"x-preview": "false"}) == asked(client, 3) == {"v1": 3}
    state = stable.state()
    assert state["preview"] == {"requests": 3}
    assert (state["arms"]["candidate"]["requests"], state["arms"]["stable"]["requests"]) == (0, 0)
    with scripted_pod() as bad:
        stable.split(0, scripted(bad), previewHeader="X-Preview")
        bad.status, bad.body = 500, b'{"error": "it is broken"}'
        answer = client.post(INFER, json=BODY, headers=header)
        assert (answer.status_code, answer.json()) == (500, {"error": "it is broken"})
        bad.behaviour = "reset"
        assert client.post(INFER, json=BODY, headers=header).status_code == 502
    answer = client.post(INFER, json=BODY, headers=header)
    assert (answer.status_code, answer.json()) == (502, {"error": "the candidate's pod cannot be reached"})
    stable.split(0, previewHeader="X-Preview")
    assert asked(client, 1, **header) == {"v1": 1}


def test_what_was_forwarded_once_is_not_forwarded_again(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    stable.split(100, candidate.as_candidate())
    candidate.split(100, stable.as_candidate(), revision=stable.revision)
    try:
        assert asked(client, 10) == {"v2": 10}
        assert asked(client, 10, **{"onnx-forwarded": "digits-v0"}) == {"v1": 10}
        assert stable.arms()["candidate"]["requests"] == 10
        assert candidate.arms()["candidate"]["requests"] == candidate.arms()["stable"]["requests"] == 0
    finally:
        candidate.split(0)


def test_who_asks_for_a_version_has_that_version(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    by_name = f"/v2/models/{MODEL}/versions/%s/infer"
    stable.split(100, candidate.as_candidate())
    assert version(client.post(by_name % "v1", json=BODY)) == "v1"
    assert client.post(by_name % "v2", json=BODY).status_code == 404
    stable.split(100, candidate.as_candidate(), handOver=True)
    assert version(client.post(by_name % "v1", json=BODY)) == "v1"
    # The entry leads to it by now, so an old connection does too.
    assert version(client.post(by_name % "v2", json=BODY)) == "v2"
    assert client.post(by_name % "v3", json=BODY).status_code == 404


def test_more_pods_have_work_at_once(stable: Pod, client: httpx.Client) -> None:
    with scripted_pod() as one, scripted_pod() as two:
        first, second = scripted(one, "one"), scripted(two, "two")
        state = stable.split(100, first)
        assert asked(client, 10) == {"v2": 10}
        again = stable.control.put(
            "/v1/split",
            json={"generation": state["generation"], "revision": "digits-v2", "weight": 100}
            | {"candidates": [first, second]},
        ).json()
        assert again["arms"]["candidate"]["requests"] == 10
        assert asked(client, 10) == {"v2": 10}
        assert (len(one.received), len(two.received)) == (15, 5)
        assert stable.arms()["candidate"]["requests"] == 20
        assert one.connections == 1


def test_a_client_that_leaves_is_left_by_the_candidate_too(stable: Pod) -> None:
    with scripted_pod("hang") as slow:
        # A preview, which this pod does not answer meanwhile.
        stable.split(0, scripted(slow), previewHeader="x-preview")
        body = json.dumps(BODY).encode()
        lines = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Preview: 1\r\nContent-Length: %d\r\n\r\n"
        with closing(socket.create_connection(("127.0.0.1", stable.server.http_port))) as leaving:
            leaving.sendall(lines % (INFER.encode(), len(body)) + body)
            wait_for(lambda: slow.received)
            assert stable.state()["candidates"][0]["inFlight"] == 1
            assert stable.server.metrics()["onnx_server_forwarded_requests_waiting"] == 1
            assert slow.left == 0
        wait_for(lambda: slow.left == 1)
        wait_for(lambda: stable.state()["candidates"][0]["inFlight"] == 0)
        assert stable.server.metrics()["onnx_server_forwarded_requests_waiting"] == 0


def test_request_and_answer_go_on_as_they_came(stable: Pod, client: httpx.Client) -> None:
    with scripted_pod() as other:
        stable.split(100, scripted(other))
        other.body = gzip.compress(ANSWER)
        other.headers = {"content-type": "application/json", "content-encoding": "gzip", "x-more": "this"}
        packed = gzip.compress(json.dumps(BODY).encode())
        answer = client.post(
            f"{INFER}?a=b",
            content=packed,
            headers={
                "content-encoding": "gzip",
                "accept-encoding": "gzip",
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "content-type": "application/json",
            },
        )
        assert version(answer) == "v2"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["x-more"] == "this"
        plain = client.post(INFER, content=json.dumps(BODY), headers={"accept-encoding": "identity"})
        assert plain.headers["x-more"] == "this"
    (came, _) = other.received
    assert came.line == f"POST {INFER}?a=b HTTP/1.1"
    assert came.body == packed
    assert came.headers["content-encoding"] == "gzip"
    assert came.headers["traceparent"].startswith("00-4bf9")
    assert came.headers["onnx-forwarded"] == "digits-v1"
    assert came.headers["host"] == f"127.0.0.1:{other.port}"


def test_large_bodies(stable: Pod, candidate: Pod, client: httpx.Client) -> None:
    stable.split(50, candidate.as_candidate())
    size = 300_000
    header = json.dumps(
        {
            "inputs": [
                {"name": "x", "datatype": "FP32", "shape": [size], "parameters": {"binary_data_size": 4 * size}}
            ],
            "parameters": {"binary_data_output": True},
        }
    )
    added = Counter[float]()
    for _ in range(8):
        answer = client.post(
            INFER,
            content=header.encode() + bytes(4 * size),
            headers={"inference-header-content-length": str(len(header))},
        )
        assert answer.status_code == 200
        numbers = memoryview(answer.content)[int(answer.headers["inference-header-content-length"]) :].cast("f")
        assert len(numbers) == size
        assert len(set(numbers)) == 1
        added[numbers[0]] += 1
    assert added == {1.0: 4, 2.0: 4}


def test_pipelined_answers_keep_their_order(stable: Pod, candidate: Pod) -> None:
    stable.split(50, candidate.as_candidate())
    with closing(socket.create_connection(("127.0.0.1", stable.server.http_port), timeout=20)) as connection:
        for i in range(40):
            body = json.dumps(BODY | {"id": str(i)}).encode()
            head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (INFER.encode(), len(body))
            connection.sendall(head + body)
        ids, versions = [], Counter[str]()
        for _ in range(40):
            answer = http.client.HTTPResponse(connection)
            # Each reads its own file of the socket, which must not take what belongs to the next.
            answer.fp.close()
            answer.fp = _Unbuffered(connection)  # type: ignore[assignment]
            answer.begin()
            document = json.loads(answer.read())
            ids.append(document["id"])
            versions[document["model_version"]] += 1
    assert ids == [str(i) for i in range(40)]
    assert versions == {"v1": 20, "v2": 20}


class _Unbuffered:
    """Reads a socket byte by byte."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def readline(self, limit: int = -1) -> bytes:
        line = b""
        while not line.endswith(b"\n") and len(line) != limit:
            line += self._connection.recv(1)
        return line

    def read(self, size: int) -> bytes:
        return self._connection.recv(size, socket.MSG_WAITALL)

    def flush(self) -> None:
        """There is nothing to write."""

    def close(self) -> None:
        """The socket is another's."""
