"""What paced connections say, and what they take for an answer: from a socket that answers piece by piece."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.messages import Message
from benchmarks.shadow import paced
from benchmarks.shadow.talks import GrpcTalk, HttpTalk


def http_talk() -> HttpTalk:
    return HttpTalk("/v2/models/m/infer", Message(b"body", {"Content-Type": "text/plain"}))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def test_an_answer_over_http_is_complete_with_its_last_byte() -> None:
    talk = http_talk()
    assert talk.request().endswith(b"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody")
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"
    for _ in range(2):
        assert [talk.answered(answer[at : at + 1]) for at in range(len(answer))] == [False] * (len(answer) - 1) + [True]
    with pytest.raises(BenchmarkError, match="503"):
        talk.answered(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")


def test_an_answer_over_grpc_is_complete_with_its_stream() -> None:
    talk = GrpcTalk(b"\0\0\0\0\1x", 3)
    assert talk.greeting().startswith(b"PRI * HTTP/2.0")
    for stream in (1, 3):
        assert struct.pack(">I", stream) in talk.request()
        answer = frame(1, 4, stream, b"h") + frame(0, 0, stream, b"\0\0\0\0\3abc") + frame(1, 5, stream, b"t")
        answer = frame(4, 0, 0, b"") + answer
        assert [talk.answered(answer[at : at + 1]) for at in range(len(answer))] == [False] * (len(answer) - 1) + [True]
    talk.request()
    with pytest.raises(BenchmarkError, match="0 bytes, not 8"):
        talk.answered(frame(1, 5, 5, b"error"))
    with pytest.raises(BenchmarkError, match="ended by the server"):
        talk.answered(frame(7, 0, 0, b"12345678"))


def test_a_paced_load_has_about_as_many_requests_as_it_was_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(paced.CONNECTIONS) as answering:
        for _ in range(paced.CONNECTIONS):
            answering.submit(_answer, server)
        with paced.Paced(http_talk, server.getsockname()[1]) as connected:
            loads = [connected.load(rate=500, seconds=0.5) for _ in range(2)]
    assert all(150 < len(load) < 350 and min(load) > 0 for load in loads)


def _answer(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
