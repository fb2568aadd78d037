"""What a client hears when its request cannot be answered."""


class RequestError(Exception):
    """An answer other than 200: its status and one sentence that names the field, what was expected and what came."""

    def __init__(self, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def bad_request(message: str) -> RequestError:
    """Return the 400 for a request that can never be answered as it stands."""
    return RequestError(400, message)
