"""Nobody is lost: while weights move and pods die, and after a promotion, when clients leave old pods politely."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.contract.split_pods import Pod, pod, wait_for
from tests.contract.test_server_split import BODY, INFER, version


@pytest.fixture(scope="module", params=["On", "Off"])
def pods(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pod, Pod]]:
    folder = tmp_path_factory.mktemp("split")
    settings = f"httpQuickPath: '{request.param}'\n"
    with pod("v1", folder / "old", settings) as old, pod("v2", folder / "new", settings) as new:
        yield old, new


def test_nobody_is_lost_while_weights_move_and_pods_die(pods: tuple[Pod, Pod], tmp_path: Path) -> None:
    stable, _ = pods
    lost: list[str] = []
    answered = Counter[str]()
    stop = threading.Event()

    def load() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", stable.server.http_port, timeout=30)
        while not stop.is_set():
            try:
                connection.request("POST", INFER, json.dumps(BODY), {"content-type": "application/json"})
                answer = connection.getresponse()
                document = json.loads(answer.read())
                if answer.status != 200:
                    lost.append(f"{answer.status} {document}")
                answered[document.get("model_version", "?")] += 1
            except (OSError, http.client.HTTPException) as error:
                lost.append(repr(error))
                return
        connection.close()

    threads = [threading.Thread(target=load) for _ in range(4)]
    with pod("v2", tmp_path / "doomed") as doomed:
        stable.split(0)
        for thread in threads:
            thread.start()
        try:
            for weight in (5, 50, 100):
                stable.split(weight, doomed.as_candidate())
                time.sleep(0.3)
            assert stable.arms()["candidate"]["answered"] > 0
            doomed.server.process.kill()
            time.sleep(0.5)
            state = stable.state()
            stable.split(0)
            time.sleep(0.2)
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
    assert lost == []
    assert state["candidates"][0]["reachable"] is False
    assert state["arms"]["candidate"]["failures"]["refused"] >= 1
    assert answered["v1"] > 50
    assert answered["v2"] > 50


def test_clients_leave_and_nobody_is_lost(pods: tuple[Pod, Pod]) -> None:
    old, new = pods
    old.split(0)
    versions, lost, asked_to_leave = Counter[str](), [], []
    connected = threading.Barrier(9)

    def converse() -> None:
        """Keep the connection until the server asks to leave, never retrying."""
        connection = http.client.HTTPConnection("127.0.0.1", old.server.http_port, timeout=30)
        try:
            for turn in range(100_000):
                connection.request("POST", INFER, json.dumps(BODY))
                answer = connection.getresponse()
                document = json.loads(answer.read())
                if turn == 0:
                    connected.wait(30)
                versions[document["model_version"]] += 1
                if answer.headers.get("connection") == "close":
                    asked_to_leave.append(document["model_version"])
                    return
        except (OSError, http.client.HTTPException, KeyError) as error:
            lost.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=converse) for _ in range(8)]
    for thread in threads:
        thread.start()
    connected.wait(30)
    assert old.state()["openConnections"] == 8
    state = old.split(100, new.as_candidate(), handOver=True)
    assert state["handOver"] is True
    for thread in threads:
        thread.join(30)
    assert lost == []
    assert len(asked_to_leave) == 8
    wait_for(lambda: old.state()["openConnections"] == 0)
    # It stays ready, and serves who comes, once.
    assert httpx.get(f"{old.server.url}/v2/health/ready").status_code == 200
    for _ in range(3):
        answer = httpx.post(f"{old.server.url}{INFER}", json=BODY)
        assert version(answer) == "v2"
        assert answer.headers["connection"] == "close"
    # Taken back, connections last again.
    old.split(0)
    assert "connection" not in httpx.post(f"{old.server.url}{INFER}", json=BODY).headers


def test_what_is_pipelined_is_answered_first(pods: tuple[Pod, Pod]) -> None:
    old, new = pods
    old.split(100, new.as_candidate(), handOver=True)
    body = json.dumps(BODY).encode()
    request = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (INFER.encode(), len(body), body)
    with closing(socket.create_connection(("127.0.0.1", old.server.http_port), timeout=20)) as connection:
        connection.sendall(request * 5)
        came = b""
        while part := connection.recv(65536):
            came += part
    assert came.count(b"HTTP/1.1 200 OK") == 5
    assert came.count(b"connection: close") == 1
    assert came.rindex(b"connection: close") > came.rindex(b"HTTP/1.1 200 OK")


def test_an_old_pod_whose_successors_are_gone_answers_itself(pods: tuple[Pod, Pod]) -> None:
    old, _ = pods
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = {"podUid": "gone", "address": "127.0.0.1", "port": taken.getsockname()[1]}
    old.split(100, gone, handOver=True)
    for _ in range(5):
        assert version(httpx.post(f"{old.server.url}{INFER}", json=BODY)) == "v1"


def test_a_draining_pod_forwards_on(pods: tuple[Pod, Pod], tmp_path: Path) -> None:
    _, new = pods
    with pod("v1", tmp_path / "draining", "drainSeconds: 2\n") as draining:
        draining.split(100, new.as_candidate())
        with httpx.Client(base_url=draining.server.url, timeout=30) as client:
            assert version(client.post(INFER, json=BODY)) == "v2"
            draining.server.terminate()
            draining.server.wait_for_log("draining")
            began, versions = time.monotonic(), set()
            while time.monotonic() - began < 1.5:
                versions.add(version(client.post(INFER, json=BODY)))
            assert versions == {"v2"}
            assert draining.state()["appliedWeight"] == 100
        assert draining.server.wait() == 0
