"""What a client hears when its request cannot be answered."""

import reprlib

Headers = tuple[tuple[bytes, bytes], ...]

_RETRY_AFTER: Headers = ((b"retry-after", b"1"),)


class RequestError(Exception):
    """An answer other than 200: its status and one sentence that names the field, what was expected and what came.

    Each transport says the status in its own way (gRPC: grpc/status.py).
    """

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class OverloadedError(RequestError):
    """503: the queue before the model is full."""

    def __init__(self, model: str, size: int) -> None:
        message = f"the queue of model '{model}' is full ({size} requests wait): try again, or add replicas"
        super().__init__(503, message, _RETRY_AFTER)


class ExpiredError(RequestError):
    """504: the request's deadline passed before the model ran."""

    def __init__(self, waited: float) -> None:
        super().__init__(504, f"the request's timeout passed after {waited * 1e6:.0f} µs in the queue: it was not run")


class CancelledRequestError(RequestError):
    """499: the client left before the model ran. Nobody hears it; it is counted."""

    def __init__(self) -> None:
        super().__init__(499, "the client left before its request was run")


class ModelFailedError(RequestError):
    """The model could not answer: 400 where the input is to blame, as far as ONNX Runtime can tell, else 500."""

    def __init__(self, said: str, *, of_input: bool) -> None:
        super().__init__(400 if of_input else 500, f"the model failed: {said}")
        self.said = said
        self.of_input = of_input


# A request of a hundred megabytes must not be answered with one.
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxdict, _REPR.maxlist, _REPR.maxstring, _REPR.maxother = 2, 4, 12, 120, 120


def shown(value: object) -> str:
    """Return what came, for an error's words: as Python writes it, cut short where it is long."""
    return _REPR.repr(value)


def bad_request(message: str) -> RequestError:
    """Return the 400 for a request that can never be answered as it stands."""
    return RequestError(400, message)


def unavailable(message: str) -> RequestError:
    """Return the 503 for what may be there a little later."""
    return RequestError(503, message, _RETRY_AFTER)


def internal() -> RequestError:
    """Return the 500 for a bug of ours, whose trace is in the log."""
    return RequestError(500, "internal error: the server's log has the trace")
