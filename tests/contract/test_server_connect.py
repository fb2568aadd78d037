"""gRPC's ModelInfer over plain HTTP/1.1: the unary form of the Connect protocol."""

import gzip
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.message import Message
from tritonclient.grpc import service_pb2

from tests.contract import onnx_models
from tests.contract.busy_rounds import ENDLESS
from tests.contract.grpc_requests import busy, linear, stub
from tests.contract.otlp_receiver import receiving
from tests.contract.server_process import ServerProcess, serving
from tests.contract.test_server_grpc_calls import by_code, in_flight, wait_until

PATH = "/inference.GRPCInferenceService/ModelInfer"
PROTO = {"content-type": "application/proto"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("connect")
    (folder / "server.yaml").write_text("grpc: {maxMessageBytes: 100000}\n")
    arguments = (onnx_models.linear(folder / "mlp.onnx"), "--config", folder / "server.yaml")
    with serving(*arguments, tmp_path=folder) as running:
        yield running.wait_until_ready()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(onnx_models.busy(tmp_path / "busy.onnx"), tmp_path=tmp_path) as running:
        yield running.wait_until_ready()


def ask(server: ServerProcess, message: Message | bytes, **headers: str) -> httpx.Response:
    body = message if isinstance(message, bytes) else message.SerializeToString()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{server.url}{PATH}", content=body, headers=PROTO | named, timeout=30)


def test_the_answer_is_that_of_grpc(server: ServerProcess) -> None:
    request = linear(rows=3, id="seven")
    with grpc.insecure_channel(server.grpc_address) as channel:
        expected = stub(channel).ModelInfer(request)
    for headers in ({}, {"connect_protocol_version": "1"}, {"connect_timeout_ms": "9000"}, {"onnx_forwarded": "m-1"}):
        answer = ask(server, request, **headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/proto")
        assert service_pb2.ModelInferResponse.FromString(answer.content) == expected


def test_it_counts_as_grpc(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("logging: {requests: All}\ntracing: {enabled: true}\ndrainSeconds: 0\n")
    arguments = (onnx_models.linear(tmp_path / "mlp.onnx"), "--config", tmp_path / "server.yaml")
    with receiving() as received:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url}
        with serving(*arguments, tmp_path=tmp_path, env=env) as server:
            server.wait_until_ready()
            assert ask(server, linear(id="a1")).status_code == 200
            assert ask(server, linear(columns=63)).status_code == 400
            assert by_code(server, "mlp") == {("grpc", "OK"): 1, ("grpc", "INVALID_ARGUMENT"): 1}
            server.terminate()
            assert server.wait() == 0
            entries = [entry for entry in server.entries() if entry["message"] == "request"]
    assert [(entry["protocol"], entry["code"]) for entry in entries] == [("grpc", "OK"), ("grpc", "INVALID_ARGUMENT")]
    assert entries[0]["id"] == "a1"


@pytest.mark.parametrize(
    ("message", "status", "code", "words"),
    [
        (linear(columns=63), 400, "invalid_argument", "'x'"),
        (busy(1), 404, "not_found", "busy"),
        (b"\xff\xff", 400, "invalid_argument", "ModelInferRequest"),
        (linear(rows=1000), 429, "resource_exhausted", "maxMessageBytes"),
    ],
)
def test_errors_are_json_with_the_code_and_the_words_of_grpc(
    server: ServerProcess, message: Any, status: int, code: str, words: str
) -> None:
    answer = ask(server, message)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json().keys() == {"code", "message"}
    assert answer.json()["code"] == code
    assert words in answer.json()["message"]


def test_what_is_no_call_of_the_protocol(server: ServerProcess) -> None:
    body = linear().SerializeToString()
    wrong = httpx.post(f"{server.url}{PATH}", content=body, headers={"content-type": "application/grpc"})
    assert (wrong.status_code, wrong.headers["accept-post"]) == (415, "application/proto")
    got = httpx.get(f"{server.url}{PATH}")
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    for headers in (
        {"connect_protocol_version": "2"},
        {"connect_timeout_ms": "soon"},
        {"connect_timeout_ms": "1" * 11},
    ):
        answer = ask(server, body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
        assert next(iter(headers)).replace("_", "-") in answer.json()["message"]
    assert httpx.post(f"{server.url}/inference.GRPCInferenceService/ModelReady", headers=PROTO).status_code == 404


def test_compressed_requests(server: ServerProcess) -> None:
    body = linear().SerializeToString()
    for encoding, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body)), ("identity", body)):
        assert ask(server, packed, content_encoding=encoding).status_code == 200
    bomb = ask(server, gzip.compress(bytes(50_000_000)), content_encoding="gzip")
    assert (bomb.status_code, bomb.json()["code"]) == (429, "resource_exhausted")
    unknown = ask(server, body, content_encoding="br")
    assert (unknown.status_code, unknown.json()["code"]) == (501, "unimplemented")
    assert unknown.headers["accept-encoding"] == "gzip, deflate"
    assert ask(server, body, content_encoding="gzip").json()["code"] == "invalid_argument"


def test_the_timeout_is_the_clients_deadline(slow: ServerProcess) -> None:
    started = time.monotonic()
    for milliseconds, words in (("300", "the deadline passed"), ("0", "before the call came")):
        answer = ask(slow, busy(ENDLESS), connect_timeout_ms=milliseconds)
        assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
        assert words in answer.json()["message"]
    assert time.monotonic() - started < 5
    assert by_code(slow) == {("grpc", "DEADLINE_EXCEEDED"): 1}


def test_a_client_that_leaves_takes_its_request_along(slow: ServerProcess) -> None:
    with grpc.insecure_channel(slow.grpc_address) as channel:
        running = stub(channel).ModelInfer.future(busy(ENDLESS))
        wait_until(lambda: in_flight(slow) == 1)
        body = busy(ENDLESS).SerializeToString()
        head = (
            f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: application/proto\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", slow.http_port)) as client:
            client.sendall(head.encode() + body)
            wait_until(lambda: in_flight(slow) == 2)
        wait_until(lambda: in_flight(slow) == 1)
        running.cancel()
    wait_until(lambda: in_flight(slow) == 0)


def test_without_grpc_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "server.yaml").write_text("grpc: {mode: Off}\n")
    arguments = (onnx_models.linear(tmp_path / "mlp.onnx"), "--config", tmp_path / "server.yaml")
    with serving(*arguments, tmp_path=tmp_path) as server:
        server.wait_until_ready()
        answer = ask(server, linear())
        assert answer.status_code == 404
        assert PATH in answer.json()["error"]
