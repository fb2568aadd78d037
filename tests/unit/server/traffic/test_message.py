"""What goes on with a message to another pod, and what stays with the connection."""

from onnx_server.traffic.message import Answer, end_to_end, head


def test_a_head_goes_on_without_what_is_the_connections() -> None:
    headers = [
        (b"host", b"model.example"),
        (b"content-type", b"application/json"),
        (b"content-length", b"12"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"keep-alive"),
        (b"expect", b"100-continue"),
        (b"content-encoding", b"gzip"),
        (b"onnx-forwarded", b"somebody"),
        (b"inference-header-content-length", b"7"),
        (b"traceparent", b"00-1-2-01"),
    ]
    assert head(b"/v2/models/m/infer?x=1", headers) == (
        b"POST /v2/models/m/infer?x=1 HTTP/1.1\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        b"inference-header-content-length: 7\r\ntraceparent: 00-1-2-01\r\n"
    )


def test_an_answer_goes_on_the_same_way() -> None:
    headers = [(b"date", b"now"), (b"content-type", b"application/json"), (b"content-length", b"2")]
    assert end_to_end(headers) == ((b"content-type", b"application/json"),)
    assert Answer(200, (), (b"a", b"b")).body == b"ab"
    assert Answer(200, (), ()).body == b""
