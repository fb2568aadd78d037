"""Errors of requests as gRPC says them."""

from onnx_server.http2.status import StatusCode
from onnx_server.protocol.errors import OverloadedError, RequestError

_CODES = {
    400: StatusCode.INVALID_ARGUMENT,
    401: StatusCode.UNAUTHENTICATED,
    403: StatusCode.PERMISSION_DENIED,
    404: StatusCode.NOT_FOUND,
    409: StatusCode.ABORTED,
    413: StatusCode.RESOURCE_EXHAUSTED,
    415: StatusCode.UNIMPLEMENTED,
    429: StatusCode.RESOURCE_EXHAUSTED,
    499: StatusCode.CANCELLED,
    501: StatusCode.UNIMPLEMENTED,
    502: StatusCode.UNAVAILABLE,
    503: StatusCode.UNAVAILABLE,
    504: StatusCode.DEADLINE_EXCEEDED,
}


def code_of(error: RequestError) -> StatusCode:
    """Return the code of an error that has an HTTP status; of a full queue the one that says so."""
    if isinstance(error, OverloadedError):
        return StatusCode.RESOURCE_EXHAUSTED
    return _CODES.get(error.status, StatusCode.INTERNAL)
