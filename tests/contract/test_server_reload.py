"""Load and unload under load: no request is lost, wherever it is when the model is switched or taken away."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.contract import onnx_models
from tests.contract.repositories import answered, asked, load, states, unload
from tests.contract.server_process import ServerProcess, serving

BODY = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [0.0]}]}).encode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "models"
    onnx_models.shift(root / "m" / "1" / "model.onnx", 0)
    (root / "busy" / "1").mkdir(parents=True)
    onnx_models.busy(root / "busy" / "1" / "model.onnx")
    return root


@pytest.fixture
def server(root: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(root, "--load", "explicit", "--load-model", "m", "--load-model", "busy", tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


@dataclass
class Client:
    """Asks over one open connection, one request after the other, and never retries."""

    port: int
    stop: threading.Event
    answers: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            while not self.stop.is_set():
                connection.request("POST", "/v2/models/m/infer", BODY)
                answer = connection.getresponse()
                content = json.loads(answer.read())
                if answer.status == 200:
                    self.answers.append(content["outputs"][0]["data"][0])
                else:
                    self.lost.append(f"{answer.status} {content}")
        except (OSError, http.client.HTTPException) as error:
            self.lost.append(repr(error))
        finally:
            connection.close()


def test_reloads_under_load_lose_no_request(root: Path, server: ServerProcess) -> None:
    stop = threading.Event()
    clients = [Client(server.http_port, stop) for _ in range(8)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    for value in range(1, 9):
        # In turn the same version with other bytes, and a new version.
        onnx_models.shift(root / "m" / str(1 + value // 2) / "model.onnx", value)
        assert load(server, "m").status_code == 200
        assert asked(server, "m", x=0.0).json()["outputs"][0]["data"] == [value]
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert [loss for client in clients for loss in client.lost] == []
    for client in clients:
        assert client.answers == sorted(client.answers)
        assert len(set(client.answers)) > 3
    assert states(server)["m", "5"] == "READY"


def rounds(server: ServerProcess, count: int) -> httpx.Response:
    entry = {"name": "rounds", "datatype": "INT64", "shape": [1], "data": [count]}
    return httpx.post(f"{server.url}/v2/models/busy/infer", json={"inputs": [entry]}, timeout=120)


@pytest.mark.parametrize("how", [load, unload])
def test_what_runs_and_what_waits_finishes(how: object, server: ServerProcess) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked_before = [pool.submit(rounds, server, 10_000) for _ in range(4)]
        in_flight = 'onnx_server_in_flight_requests{model="busy",version="1"}'
        wait_for(lambda: server.metrics()[in_flight] == 4)
        changed = load(server, "busy") if how is load else unload(server, "busy")
        assert changed.status_code == 200
        if how is unload:
            assert rounds(server, 1).status_code == 404
            assert states(server)["busy", "1"] == "UNLOADING"
            assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        else:
            assert rounds(server, 1).status_code == 200
        assert not any(future.done() for future in asked_before)
        answers = [future.result() for future in asked_before]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(answer.json()["outputs"][0]["data"] == [10_000] for answer in answers)
    expected = "READY" if how is load else "UNAVAILABLE"
    wait_for(lambda: states(server)["busy", "1"] == expected)


@pytest.mark.parametrize("how", ["load", "unload"])
def test_a_request_whose_body_is_still_coming_is_answered(how: str, server: ServerProcess) -> None:
    head = f"POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as connection:
        connection.sendall(head.encode() + BODY[:10])
        wait_for(lambda: server.metrics()['onnx_server_in_flight_requests{model="m",version="1"}'] == 1)
        assert (load if how == "load" else unload)(server, "m").status_code == 200
        # Longer than the server looks between two times whether anybody is in flight.
        time.sleep(0.3)
        connection.sendall(BODY[10:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"data":[0.0]' in answer


def test_serving_goes_on_while_another_model_loads(root: Path, server: ServerProcess) -> None:
    (root / "slow" / "1").mkdir(parents=True)
    onnx_models.slow_to_load(root / "slow" / "1" / "model.onnx")
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load, server, "slow")
        wait_for(lambda: states(server).get(("slow", "1")) == "LOADING")
        early = asked(server, "slow")
        assert (early.status_code, early.headers["retry-after"]) == (503, "1")
        assert answered(server, "m") == 0
        assert unload(server, "m").status_code == 200
        assert not loading.done()
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        assert loading.result().status_code == 200
    assert asked(server, "slow").status_code == 200


def test_sigterm_while_a_model_loads_answers_who_asked_for_it(root: Path, server: ServerProcess) -> None:
    (root / "slow" / "1").mkdir(parents=True)
    onnx_models.slow_to_load(root / "slow" / "1" / "model.onnx")
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load, server, "slow")
        wait_for(lambda: states(server).get(("slow", "1")) == "LOADING")
        server.terminate()
        answer = loading.result(timeout=10)
        assert answer.status_code == 503
        assert "the server stops" in answer.json()["error"]
        assert server.wait() == 0


def test_an_unloaded_model_gives_its_threads_and_memory_back(root: Path, server: ServerProcess) -> None:
    weights = 64 * 2**20
    onnx_models.large(root / "large" / "1" / "model.onnx", weights)

    row = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1024], "data": [0.0] * 1024}]})

    def loaded_and_unloaded() -> tuple[int, int]:
        assert load(server, "large").status_code == 200
        kept_open.request("POST", "/v2/models/large/infer", row)
        answer = kept_open.getresponse()
        assert (answer.status, len(answer.read()) > 1024) == (200, True)
        during = resident(server)
        assert unload(server, "large").status_code == 200
        wait_for(lambda: states(server)["large", "1"] == "UNAVAILABLE")
        return during, resident(server)

    # The connection stays open and idle, and must not hold the model either.
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=30)) as kept_open:
        loaded_and_unloaded()
        before = threads(server)
        for _ in range(4):
            during, after = loaded_and_unloaded()
            assert during - after > weights // 2
        wait_for(lambda: threads(server) <= before)


def resident(server: ServerProcess) -> int:
    """Bytes of the server's memory that are the process's own."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def threads(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def wait_for(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
