"""HTTP/1.1 as clients, proxies and attackers speak it: framing, pipelining, limits. With the quick path and without."""

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.contract import onnx_models
from tests.contract.busy_rounds import ENDLESS, rounds_that_take
from tests.contract.server_process import ServerProcess, serving

ROW = np.linspace(-1, 1, 64, dtype=np.float32)[None]
EXPECTED = ROW @ onnx_models.WEIGHTS
HEADER = json.dumps(
    {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 64], "parameters": {"binary_data_size": 256}}],
        "parameters": {"binary_data_output": True},
    }
).encode()
BODY = HEADER + ROW.tobytes()
LENGTHS = b"Inference-Header-Content-Length: %d\r\n" % len(HEADER)
HOST = b"Host: server\r\n"
PATH = b"/v2/models/mlp/infer"
LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: server\r\n\r\n"


def post(body: bytes = BODY, more: bytes = b"", *, length: int | None = None, version: bytes = b"1.1") -> bytes:
    announced = len(body) if length is None else length
    lines = HOST + LENGTHS + b"Content-Length: %d\r\n" % announced + more
    return b"POST %b HTTP/%b\r\n%b\r\n%b" % (PATH, version, lines, body)


def chunked(*chunks: bytes, more: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return b"POST %b HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n%b\r\n%b" % (PATH, HOST + LENGTHS, more, body)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def check(self, times: int = 1) -> None:
        assert self.status == 200, self.body
        length = int(self.headers["inference-header-content-length"])
        np.testing.assert_allclose(np.frombuffer(self.body[length:], "<f4"), times * EXPECTED[0], rtol=1e-5)

    def error(self) -> str:
        assert self.headers["content-type"] == "application/json"
        message = json.loads(self.body)["error"]
        assert isinstance(message, str)
        return message


class Connection:
    """A raw connection: what is sent is what is written here."""

    def __init__(self, server: ServerProcess) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.http_port), timeout=20)
        self.file = self.socket.makefile("rb")

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> "Connection":
        self.socket.sendall(data)
        return self

    def read(self) -> Answer:
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while (text := self.file.readline().decode().strip()) != "":
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        status = int(line.split()[1])
        body = self.file.read(int(headers.get("content-length", 0)))
        return Answer(status, headers, body)

    def ended(self) -> bool:
        """Whether the server has closed the connection, with nothing left to read."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture(scope="module", params=["On", "Off"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    tmp_path = tmp_path_factory.mktemp("http")
    config = tmp_path / "server.yaml"
    config.write_text(
        f"httpQuickPath: '{request.param}'\nmaxBodyBytes: 100000\nmaxHeaderBytes: 4096\nreceiveTimeoutSeconds: 2\n"
    )
    model = onnx_models.linear(tmp_path / "mlp.onnx")
    with serving(model, "--config", config, tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


@pytest.fixture
def connection(server: ServerProcess) -> Iterator[Connection]:
    with closing(Connection(server)) as opened:
        yield opened


def test_many_requests_on_one_connection(connection: Connection) -> None:
    for _ in range(20):
        connection.send(post()).read().check()
    assert connection.send(LIVE).read().status == 200
    connection.send(post()).read().check()


def test_a_head_that_comes_again_is_read_as_the_first(connection: Connection) -> None:
    twice = HEADER + (2 * ROW).tobytes()
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for before, after in [(b"", b""), (b"", b""), (b"\r\n", b""), (b"", b"\r\n"), (b"", b""), (b"\r\n\r\n", b"")]:
        connection.send(before + post() + after).read().check()
        connection.send(before + post(twice) + after).read().check(2)
    assert connection.send(post(b"[" * len(BODY))).read().status == 400
    connection.send(post(twice)).read().check(2)
    assert connection.send(post().replace(b"mlp", b"mlq")).read().status == 404
    connection.send(post()).read().check()
    connection.send(post(twice) + post())
    connection.read().check(2)
    connection.read().check()
    whole = post(twice)
    for start, end in [(0, -1), (-1, None), (0, len(whole) - len(BODY)), (len(whole) - len(BODY), None)]:
        connection.send(whole[start:end])
        time.sleep(0.05)
    connection.read().check(2)
    connection.read().check(2)
    assert connection.send(post(more=b"Connection: close\r\n")).read().headers["connection"] == "close"
    assert connection.ended()


def test_pipelined_requests_are_answered_in_order(connection: Connection) -> None:
    connection.send(post() + LIVE + post() + post(b"{}") + chunked(BODY) + LIVE)
    connection.read().check()
    assert json.loads(connection.read().body) == {"live": True}
    connection.read().check()
    assert connection.read().status == 400
    connection.read().check()
    assert json.loads(connection.read().body) == {"live": True}


@pytest.mark.parametrize("step", [1, 7, 100, 333])
def test_a_request_may_come_in_pieces(connection: Connection, step: int) -> None:
    data = post() + post()
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, len(data), step):
        connection.send(data[start : start + step])
    connection.read().check()
    connection.read().check()


def large(times: int = 1) -> bytes:
    """Return a request of 380 rows, 97 kB."""
    said = HEADER.replace(b"[1, 64]", b"[380, 64]").replace(b"256", b"%d" % (380 * 256))
    lines = HOST + b"Inference-Header-Content-Length: %d\r\n" % len(said)
    body = said + (times * ROW).repeat(380, axis=0).tobytes()
    return b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (PATH, lines, len(body), body)


def check_large(answer: Answer, times: int = 1) -> None:
    assert answer.status == 200, answer.body
    got = np.frombuffer(answer.body[int(answer.headers["inference-header-content-length"]) :], "<f4").reshape(380, -1)
    np.testing.assert_allclose(got, times * EXPECTED.repeat(380, axis=0), rtol=1e-5)


@pytest.mark.parametrize("first", [40, 150, 400, 3000, 70_000])
def test_a_large_body_may_come_in_pieces_with_others_behind_it(connection: Connection, first: int) -> None:
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for times in (1, 2, 3):
        data = large(times)
        connection.send(data[:first])
        for start in range(first, len(data), 10_000):
            time.sleep(0.01)
            behind = start + 10_000 >= len(data)
            connection.send(data[start : start + 10_000] + (post() + large(times + 1) + LIVE if behind else b""))
        check_large(connection.read(), times)
        connection.read().check()
        check_large(connection.read(), times + 1)
        assert json.loads(connection.read().body) == {"live": True}


@pytest.mark.parametrize("behind", [b"", LIVE, b"nonsense"])
def test_what_comes_behind_the_last_request_is_dropped_also_after_large_bodies(
    connection: Connection, behind: bytes
) -> None:
    for data in (large(), large(2)):
        connection.send(data[:400])
        time.sleep(0.02)
        assert connection.send(data[400:]).read().status == 200
    answer = connection.send(post(more=b"Connection: close\r\n") + behind).read()
    answer.check()
    assert answer.headers["connection"] == "close"
    assert connection.ended()


def test_large_bodies_that_are_wrong_are_refused_and_the_next_is_answered(connection: Connection) -> None:
    for wrong in (
        large().replace(b"[380, 64]", b"[379, 64]"),
        large().replace(b"Inference-Header-Content-Length: 1", b"Inference-Header-Content-Length: 2"),
        large().replace(b"inputs", b"onputs"),
        large().replace(b"mlp", b"mlq"),
    ):
        assert wrong != large()
        assert connection.send(wrong).read().status in {400, 404}
        check_large(connection.send(large(2)).read(), 2)


def test_chunked_bodies(connection: Connection) -> None:
    connection.send(chunked(BODY[:10], BODY[10:200], BODY[200:])).read().check()
    connection.send(chunked(BODY, more=b"Trailer: x\r\n")).read().check()


AMBIGUOUS = {
    "two lengths": post(more=b"Content-Length: 5\r\n"),
    "the same length twice": post(more=b"Content-Length: %d\r\n" % len(BODY)),
    "a list of lengths": post().replace(b"Content-Length: 4", b"Content-Length: 4, 4", 1),
    "a length with a sign": post().replace(b"\r\nContent-Length: ", b"\r\nContent-Length: +", 1),
    "a length in hexadecimal": post().replace(b"\r\nContent-Length: ", b"\r\nContent-Length: 0x", 1),
    "a length and chunks": chunked(BODY, more=b"Content-Length: 5\r\n"),
    "chunks and another encoding after": chunked(BODY).replace(b"chunked", b"chunked, identity", 1),
    "an unknown transfer encoding": chunked(BODY).replace(b"chunked", b"xchunked", 1),
    "a space before the colon": post(more=b"X-Header : 1\r\n"),
    "a folded header": post(more=b"X-Header: 1\r\n 2\r\n"),
    "a NUL in a header": post(more=b"X-Header: a\x00b\r\n"),
    "a chunk size that is none": chunked(BODY).replace(b"\r\n\r\n", b"\r\n\r\nzz", 1),
    "a chunk size that overflows": chunked(BODY).replace(b"\r\n\r\n", b"\r\n\r\nffffffffffffffff0", 1),
    "no HTTP": b"hello\r\n\r\n",
    "a method that is none": post().replace(b"POST", b"P@ST", 1),
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_ambiguous_framing_is_refused_and_ends_the_connection(
    server: ServerProcess, connection: Connection, data: bytes
) -> None:
    smuggled = b"GET /v2/models/mlp HTTP/1.1\r\nHost: server\r\n\r\n"
    answer = connection.send(data + smuggled).read()
    assert answer.status == 400, answer.body
    assert answer.error()
    assert connection.ended()
    with closing(Connection(server)) as other:
        other.send(post()).read().check()


def test_old_clients_and_those_that_leave_are_let_go(server: ServerProcess) -> None:
    for data in (post(version=b"1.0"), post(more=b"Connection: close\r\n"), LIVE.replace(b"1.1", b"1.0")):
        with closing(Connection(server)) as connection:
            answer = connection.send(data).read()
            assert answer.status == 200
            assert answer.headers["connection"] == "close"
            assert connection.ended()


def test_clients_that_ask_before_they_send(connection: Connection) -> None:
    connection.send(post(b"", b"Expect: 100-continue\r\n", length=len(BODY)))
    assert connection.file.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert connection.file.readline() == b"\r\n"
    connection.send(BODY).read().check()


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE", b"OPTIONS"])
def test_other_methods_are_refused(connection: Connection, method: bytes) -> None:
    answer = connection.send(b"%b %b HTTP/1.1\r\n%bContent-Length: 0\r\n\r\n" % (method, PATH, HOST)).read()
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert "POST" in answer.error()


def test_a_body_over_the_limit_is_refused_before_it_is_read(connection: Connection) -> None:
    answer = connection.send(post(b"", length=100_001)).read()
    assert answer.status == 413
    assert "maxBodyBytes" in answer.error()


def test_chunks_over_the_limit_are_refused(server: ServerProcess) -> None:
    with closing(Connection(server)) as connection:
        connection.send(chunked(*[b"x" * 10_000] * 10))  # just below
        assert connection.read().status == 400
        answer = connection.send(chunked(*[b"x" * 10_000] * 11)).read()
        assert answer.status == 413
        assert "maxBodyBytes" in answer.error()


def test_a_large_head_is_refused(server: ServerProcess) -> None:
    with closing(Connection(server)) as connection:
        connection.send(post(more=b"X-Large: %b\r\n" % (b"x" * 3000))).read().check()
        answer = connection.send(post(more=b"X-Large: %b\r\n" % (b"x" * 5000))).read()
        assert answer.status == 431
        assert "maxHeaderBytes" in answer.error()
        assert connection.ended()


def test_a_head_without_end_is_refused(connection: Connection) -> None:
    connection.send(b"POST %b HTTP/1.1\r\nX: " % PATH)
    sent = 0
    while not select.select([connection.socket], [], [], 0.02)[0]:
        connection.send(b"x" * 100)
        sent += 100
        assert sent < 6000
    assert connection.read().status == 431
    assert connection.ended()


@pytest.mark.parametrize(
    "part",
    [b"POST /v2/mod", post()[:-10], large()[:-10], chunked(BODY)[:-5]],
    ids=["head", "body", "large body", "chunks"],
)
def test_who_does_not_finish_a_request_is_sent_away(server: ServerProcess, part: bytes) -> None:
    with closing(Connection(server)) as connection:
        answer = connection.send(part).read()
        assert answer.status == 408
        assert "receiveTimeoutSeconds" in answer.error()
        assert connection.ended()
        with closing(Connection(server)) as other:
            other.send(post()).read().check()
    assert in_flight(server) == 0


def in_flight(server: ServerProcess) -> float:
    samples = server.metrics().items()
    return sum(value for name, value in samples if name.startswith("onnx_server_in_flight_requests"))


def test_who_leaves_before_the_end_of_the_body_is_forgotten(server: ServerProcess) -> None:
    for _ in range(5):
        with closing(Connection(server)) as connection:
            connection.send(post()[:-10])
        with closing(Connection(server)) as connection:
            connection.send(large()[:-10])
    deadline = time.monotonic() + 10
    while in_flight(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert in_flight(server) == 0


@pytest.mark.parametrize("quick", ["On", "Off"])
def test_a_client_that_leaves_takes_its_request_out_of_the_queue(tmp_path: Path, quick: str) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(f"httpQuickPath: '{quick}'\nbatching: {{mode: 'Off'}}\n")

    def busy(rounds: int) -> bytes:
        inputs = [{"name": "rounds", "datatype": "INT64", "shape": [1], "data": [rounds]}]
        body = json.dumps({"inputs": inputs}).encode()
        return b"POST /v2/models/busy/infer HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (HOST, len(body), body)

    with serving(onnx_models.busy(tmp_path / "busy.onnx"), "--config", config, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        before = server.metrics()['onnx_server_compute_duration_seconds_count{model="busy",version="1"}']
        with closing(Connection(server)) as first:
            first.send(busy(rounds_that_take(2)))
            for _ in range(5):
                with closing(Connection(server)) as leaving:
                    leaving.send(busy(ENDLESS))
                    time.sleep(0.05)
            assert first.read().status == 200
        metrics = server.metrics()
    assert metrics['onnx_server_compute_duration_seconds_count{model="busy",version="1"}'] == before + 1
    assert metrics['onnx_server_cancelled_requests_total{model="busy",version="1"}'] == 5


@pytest.mark.parametrize("quick", ["On", "Off"])
def test_connections_are_bounded_and_idle_ones_make_room(tmp_path: Path, quick: str) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(f"httpQuickPath: '{quick}'\nmaxConnections: 3\n")
    with serving(onnx_models.linear(tmp_path / "mlp.onnx"), "--config", config, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        idle = [Connection(server) for _ in range(3)]
        for connection in idle:
            connection.send(post()).read().check()
        with closing(Connection(server)) as fourth:
            fourth.send(post()).read().check()
            assert idle[0].ended()
            for connection in (idle[1], idle[2], fourth):
                connection.send(post()[:-10])
            time.sleep(0.3)
            with closing(Connection(server)) as fifth:
                answer = fifth.read()
                assert answer.status == 503
                assert "maxConnections" in answer.error()
            for connection in (idle[1], idle[2], fourth):
                connection.send(post()[-10:]).read().check()
        for connection in idle:
            connection.close()
