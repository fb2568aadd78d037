"""A request as candidates are asked: ModelInfer of the Connect protocol, with the bytes that came."""

import time
from collections.abc import Sequence

import orjson

from onnx_server.protocol.errors import RequestError
from onnx_server.traffic.message import Answer, Request, head

_TARGET = b"/inference.GRPCInferenceService/ModelInfer"
_CONTENT = (b"content-type", b"application/proto")
# What the message was sent with, and is not any more: it goes on as it is after decompression.
_OF_TRANSPORT = frozenset((b"accept", b"accept-encoding", b"content-encoding", b"content-type", b"te"))
_OF_PROTOCOL = (b"grpc-", b"connect-")
_LARGEST_MILLISECONDS = 9_999_999_999


def request(fields: Sequence[tuple[bytes, bytes]], data: bytes, deadline: float | None) -> Request:
    """Return the request that hands `data`, a ModelInferRequest, and the client's metadata on."""
    headers = [_CONTENT]
    headers += [pair for pair in fields if pair[0] not in _OF_TRANSPORT and not pair[0].startswith(_OF_PROTOCOL)]
    if deadline is not None:
        left = int((deadline - time.monotonic()) * 1e3)
        headers.append((b"connect-timeout-ms", b"%d" % min(max(left, 1), _LARGEST_MILLISECONDS)))
    return Request(head(_TARGET, headers), data)


def refusal(answer: Answer) -> RequestError:
    """Return what a candidate's answer other than 200 says, which is JSON unless it is no server of ours."""
    try:
        words = orjson.loads(answer.body)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        words = None
    return RequestError(answer.status, words if isinstance(words, str) else f"the candidate answered {answer.status}")
