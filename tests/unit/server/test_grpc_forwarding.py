"""What is handed on to a candidate of a request over gRPC, and what its refusals say."""

import time

import pytest

from onnx_server.grpc import forwarding
from onnx_server.grpc.status import code_of
from onnx_server.http2.status import StatusCode
from onnx_server.traffic.message import Answer


def lines(*fields: tuple[bytes, bytes], deadline: float | None = None) -> list[bytes]:
    return forwarding.request(fields, b"message", deadline).head.split(b"\r\n")[:-1]


def test_the_bytes_go_on_as_they_came() -> None:
    asked = forwarding.request([], b"\0message", None)
    assert asked.body == b"\0message"
    assert asked.head.startswith(b"POST /inference.GRPCInferenceService/ModelInfer HTTP/1.1\r\n")


def test_the_clients_metadata_goes_on_and_the_transports_does_not() -> None:
    kept = [(b"x-user", b"anna"), (b"traceparent", b"00-1"), (b"user-agent", b"grpc-python/1")]
    dropped = [
        (b"grpc-accept-encoding", b"gzip"),
        (b"connect-timeout-ms", b"5"),
        (b"connect-protocol-version", b"1"),
        (b"content-encoding", b"gzip"),
        (b"content-type", b"application/grpc"),
        (b"content-length", b"7"),
        (b"host", b"there"),
        (b"onnx-forwarded", b"somebody"),
    ]
    _, *named = lines(*kept, *dropped)
    assert named == [b"content-type: application/proto", *(b"%b: %b" % pair for pair in kept)]


@pytest.mark.parametrize(
    ("left", "least", "most"), [(2.0, 1900, 2000), (-1.0, 1, 1), (1e9, 9_999_999_999, 9_999_999_999)]
)
def test_what_is_left_of_the_deadline_goes_on(left: float, least: int, most: int) -> None:
    name, value = lines(deadline=time.monotonic() + left)[-1].split(b": ")
    assert name == b"connect-timeout-ms"
    assert least <= int(value) <= most


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, StatusCode.INVALID_ARGUMENT),
        (404, StatusCode.NOT_FOUND),
        (429, StatusCode.RESOURCE_EXHAUSTED),
        (500, StatusCode.INTERNAL),
        (501, StatusCode.UNIMPLEMENTED),
        (502, StatusCode.UNAVAILABLE),
        (503, StatusCode.UNAVAILABLE),
        (504, StatusCode.DEADLINE_EXCEEDED),
    ],
)
def test_a_refusal_has_its_words_and_code(status: int, code: StatusCode) -> None:
    error = forwarding.refusal(Answer(status, (), [b'{"code": "any", "mess', b'age": "no"}']))
    assert (code_of(error), error.message) == (code, "no")
    for body in (b"<html>", b"[]", b'{"message": 1}', b"{}", b"\xff"):
        assert str(status) in forwarding.refusal(Answer(status, (), [body])).message
