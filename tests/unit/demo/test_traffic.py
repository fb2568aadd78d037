"""The background clients, against a real HTTP server that speaks just enough of the protocol."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from demo.accuracy import Accuracy
from demo.client import Endpoint
from demo.traffic import Traffic

IMAGES = np.zeros((20, 64), np.float32)
ZEROS, ONES = np.zeros(20, np.int64), np.ones(20, np.int64)


class Model(BaseHTTPRequestHandler):
    """Answers each row with `answer`, or with status 503 while `answer` is None."""

    protocol_version = "HTTP/1.1"
    answer: int | None = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.answer is None:
            self._send(503, b'{"error": "going down"}', {})
            return
        labels = np.full(4, self.answer, np.int64).tobytes()
        probabilities = np.zeros((4, 10), np.float32).tobytes()
        outputs = [
            _output("label", "INT64", [4], labels),
            _output("probabilities", "FP32", [4, 10], probabilities),
        ]
        head = json.dumps({"model_name": "digits", "model_version": "v", "outputs": outputs}).encode()
        self._send(200, head + labels + probabilities, {"Inference-Header-Content-Length": str(len(head))})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _output(name: str, datatype: str, shape: list[int], data: bytes) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(data)}}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    Model.answer = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Endpoint(f"127.0.0.1:{server.server_port}", "digits")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_right_answers_of_any_allowed_version_count(endpoint: Endpoint) -> None:
    with Traffic(endpoint, IMAGES, [ZEROS, ONES], ZEROS) as traffic:
        assert traffic.wait_calm(0.2, 10)
        Model.answer = 1
        time.sleep(0.3)
    count = traffic.count
    assert count.answered > 4
    assert count.failed == 0
    assert count.lowest is not None
    assert count.lowest < 1, "users saw that the second version reads nothing as it is"
    assert count.by_version == {"v": count.answered}
    assert count.slowest > 0


def test_the_accuracy_is_of_each_digit_once() -> None:
    accuracy = Accuracy(whole=8)
    assert accuracy.now is None
    for client in (1, 2):
        for right in (4, 2):
            accuracy.saw(client, right, 4, clients=2)
            assert (accuracy.lowest is None) == ((client, right) != (2, 2)), "some client has not asked about all yet"
    assert accuracy.now == accuracy.lowest == 12 / 16
    accuracy.saw(1, 0, 4, clients=2)
    assert accuracy.now == accuracy.lowest == 8 / 16, "the oldest answer of that client counts no more"
    for _ in range(2):
        accuracy.saw(1, 4, 4, clients=2)
    assert accuracy.now == 14 / 16
    assert accuracy.lowest == 8 / 16


def test_a_wrong_answer_is_a_failure(endpoint: Endpoint) -> None:
    Model.answer = 7
    with Traffic(endpoint, IMAGES, [ZEROS, ONES], ZEROS) as traffic:
        assert not traffic.wait_calm(0.5, 1)
    assert traffic.count.answered == 0
    assert "answered wrongly: [7 7 7 7]" in traffic.count.failures[0]


def test_a_refused_request_is_a_failure_and_calm_comes_after_it(endpoint: Endpoint) -> None:
    with Traffic(endpoint, IMAGES, [ZEROS], ZEROS) as traffic:
        assert traffic.wait_calm(0.2, 10)
        Model.answer = None
        time.sleep(0.3)
        Model.answer = 0
        assert traffic.wait_calm(0.3, 10)
    assert traffic.count.failed > 2
    assert 0 < traffic.count.outage < 5
    assert "going down" in traffic.count.failures[0]


def test_nobody_listening_is_a_failure() -> None:
    with Traffic(Endpoint("127.0.0.1:9", "digits"), IMAGES, [ZEROS], ZEROS) as traffic:
        time.sleep(0.3)
    assert traffic.count.failed > 0
    assert traffic.count.answered == 0
