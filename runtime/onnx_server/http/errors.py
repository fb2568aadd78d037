"""FastAPI's errors in the form that the protocol's clients expect: JSON with a string `error`."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from onnx_server.failures import Failure
from onnx_server.http.asgi import DisconnectedError
from onnx_server.http.json import answer
from onnx_server.protocol.errors import RequestError


def install(app: FastAPI) -> None:
    """Make `app` answer every error as {"error": "..."}."""
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(Failure, _failure)
    app.add_exception_handler(DisconnectedError, _disconnected)
    app.add_exception_handler(Exception, _bug)


async def _request_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestError):
        raise error
    headers = {key.decode(): value.decode() for key, value in error.headers}
    return answer({"error": error.message}, error.status, headers)


async def _http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    message = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.url.path} does not take {request.method}",
    }.get(error.status_code, str(error.detail))
    return answer({"error": message}, error.status_code, error.headers)


async def _validation_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return answer({"error": problems}, 422)


async def _failure(_request: Request, error: Exception) -> Response:
    """Answer what the machine could not do for this request, such as reading the repository's folder."""
    return answer({"error": str(error)}, 503)


async def _disconnected(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the client left before its request was complete."""
    return Response(status_code=400)


async def _bug(_request: Request, _error: Exception) -> Response:
    return answer({"error": "internal error: the server's log has the trace"}, 500)
