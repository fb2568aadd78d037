"""What becomes of a forwarded request."""

from typing import Literal

from onnx_server.traffic.arms import Failure

Outcome = Failure | Literal["answered", "bothRefused", "left"]
"""What became of a forwarded request. `bothRefused`: both pods answered with an error, so the client is to blame."""


def failure_of(status: int) -> Failure:
    """Return what an answer other than 200 is counted as."""
    if status == 503:
        return "overloaded"
    if status == 504:
        return "late"
    return "serverError" if status >= 500 else "clientError"
