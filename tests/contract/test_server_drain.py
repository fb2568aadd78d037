"""SIGTERM under load: as a Service's clients behave, no request is lost."""

import http.client
import json
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.contract import drain_clients, onnx_models
from tests.contract.busy_rounds import rounds_that_take
from tests.contract.server_process import ServerProcess, serving

DRAIN_SECONDS = 5


@dataclass
class Client:
    """A client that keeps its connection open, never retries, and leaves when the server asks it to.

    `gone` tells what a Service would: after it is set, nobody opens a new connection to the pod.
    """

    server: ServerProcess
    gone: threading.Event
    rounds: int
    pause: float
    answered: int = 0
    lost: list[str] = field(default_factory=list)
    asked_to_leave: bool = False

    def run(self) -> None:
        body = json.dumps({"inputs": [{"name": "rounds", "datatype": "INT64", "shape": [1], "data": [self.rounds]}]})
        while not self.gone.is_set() and not self.asked_to_leave:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=30)
            try:
                self._converse(connection, body)
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                return
            finally:
                connection.close()

    def _converse(self, connection: http.client.HTTPConnection, body: str) -> None:
        while True:
            connection.request("POST", "/v2/models/busy/infer", body)
            answer = connection.getresponse()
            content = json.loads(answer.read())
            if answer.status != 200 or content["outputs"][0]["data"] != [self.rounds]:
                self.lost.append(f"{answer.status} {content}")
            self.answered += 1
            if answer.headers.get("connection") == "close":
                self.asked_to_leave = True
                return
            time.sleep(self.pause)


def test_no_request_is_lost(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text(f"model: {{name: busy}}\ndrainSeconds: {DRAIN_SECONDS}\n")
    model = onnx_models.busy(tmp_path / "m.onnx")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as server:
        server.wait_until_ready()
        gone = threading.Event()
        clients = [Client(server, gone, rounds=1 + i * 20, pause=0.01 * (i % 4)) for i in range(12)]
        threads = [threading.Thread(target=client.run) for client in clients]
        for thread in threads:
            thread.start()
        time.sleep(1)
        before = sum(client.answered for client in clients)
        server.terminate()
        started = time.monotonic()
        _unready(server)
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200
        time.sleep(1)
        during = sum(client.answered for client in clients)
        assert not any(client.asked_to_leave for client in clients)
        gone.set()
        status = server.wait()
        took = time.monotonic() - started
        for thread in threads:
            thread.join(30)
    assert status == 0
    assert [loss for client in clients for loss in client.lost] == []
    assert all(client.asked_to_leave for client in clients)
    assert during > before > 0
    assert DRAIN_SECONDS <= took < DRAIN_SECONDS + 10


def _unready(server: ServerProcess) -> None:
    for _ in range(50):
        answer = httpx.get(f"{server.url}/v2/health/ready")
        if answer.status_code == 503:
            assert "draining" in answer.json()["error"]
            return
        time.sleep(0.02)
    raise AssertionError("still ready after SIGTERM")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_finishes(signum: int, tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("model: {name: busy}\ndrainSeconds: 0\n")
    model = onnx_models.busy(tmp_path / "m.onnx")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as server:
        server.wait_until_ready()
        gone = threading.Event()
        client = Client(server, gone, rounds=rounds_that_take(1), pause=0)
        thread = threading.Thread(target=client.run)
        thread.start()
        _wait_until_in_flight(server)
        server.terminate(signum)
        assert server.wait(timeout=60) == 0
        thread.join(60)
    assert client.lost == []
    assert client.answered >= 1
    assert client.asked_to_leave


def _wait_until_in_flight(server: ServerProcess) -> None:
    for _ in range(500):
        if server.metrics()['onnx_server_in_flight_requests{model="busy",version="1"}'] == 1:
            return
        time.sleep(0.01)
    raise AssertionError("the request did not arrive")


def test_ctrl_c_without_clients_is_quick(tmp_path: Path) -> None:
    with serving(onnx_models.linear(tmp_path / "m.onnx"), tmp_path=tmp_path) as server:
        server.wait_until_ready()
        started = time.monotonic()
        server.terminate(signal.SIGINT)
        assert server.wait() == 0
        assert time.monotonic() - started < 3


def test_clients_that_never_retry_lose_nothing(tmp_path: Path) -> None:
    """Also those that pipeline, that send slowly, and that connect for each request until the Service has noticed."""
    (tmp_path / "server.yaml").write_text("model: {name: busy}\ndrainSeconds: 2\n")
    model = onnx_models.busy(tmp_path / "m.onnx")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as server:
        server.wait_until_ready()
        figures = drain_clients.measure(server, each=8)
    print(figures)
    assert figures.lost == []
    assert figures.status == 0
    # Each connection that was kept was ended by an answer that said so.
    assert figures.told == 3 * 8
    assert min(figures.requests.values()) > 8
    assert figures.after > 0


HEAD = b"POST /v2/models/busy/infer HTTP/1.1\r\nHost: x\r\nContent-Le"
REST = b'ngth: 76\r\n\r\n{"inputs":[{"name":"rounds","datatype":"INT64","shape":[1],"data":[  3  ]}]}'


def _after_half_a_request(tmp_path: Path, receive_seconds: int, rest: bytes) -> bytes:
    """Return what a client hears that sends a part of its head, and `rest` when idle connections are closed."""
    (tmp_path / "server.yaml").write_text(
        f"model: {{name: busy}}\ndrainSeconds: 0\nreceiveTimeoutSeconds: {receive_seconds}\n"
    )
    model = onnx_models.busy(tmp_path / "m.onnx")
    with serving(model, "--config", tmp_path / "server.yaml", tmp_path=tmp_path) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as client:
            client.sendall(HEAD)
            with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as idle:
                time.sleep(0.2)
                server.terminate()
                assert idle.recv(1) == b""
            client.sendall(rest)
            heard = b"".join(iter(lambda: client.recv(65536), b""))
        assert server.wait() == 0
    return heard


def test_a_request_that_has_begun_to_come_is_answered(tmp_path: Path) -> None:
    heard = _after_half_a_request(tmp_path, 30, REST)
    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in heard.lower()
    assert heard.endswith(b"}")
    assert b'"data":[3]' in heard


def test_who_is_slow_to_send_the_rest_does_not_keep_the_server(tmp_path: Path) -> None:
    assert _after_half_a_request(tmp_path, 4, b"").startswith(b"HTTP/1.1 408 ")
