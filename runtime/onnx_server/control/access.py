"""Who may use the control port: whoever has a token of the operator for this pod, and nobody where it left no keys."""

from collections.abc import Callable
from pathlib import Path

from fastapi import Request

from onnx_server.protocol.errors import RequestError

Verify = Callable[[Request], None]
"""Return if the request may pass. Raises RequestError 401 or 403."""


def verifier(live: Path | None, pod_uid: str | None) -> Verify:
    """Return the check for a server whose directory with the operator's public keys is `live`."""
    if live is None:
        return _refuse
    from onnx_server.control import tokens  # noqa: PLC0415  cryptography takes 0.2 s and 9 MB; a laptop needs none

    return lambda request: tokens.verify(request.headers.get("authorization"), live, pod_uid)


def _refuse(_request: Request) -> None:
    message = "there are no public keys to check a token with: the server was started without --live"
    raise RequestError(403, message)
