"""JSON answers of the FastAPI apps."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `content` as a JSON response."""
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
