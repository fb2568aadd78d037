"""One inference request that is over."""

import re
from dataclasses import dataclass

from onnx_server.engine.statistics import Protocol

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NO_TRACE = "0" * 32


@dataclass(slots=True)
class Finished:
    """What is known of a request in the end.

    `code` is the HTTP status, or the name of gRPC's code. `error` is what the client was told; None after success.
    `id`, `rows` and the parts of the duration are those of requests that got so far. Durations are in seconds.
    `forwarded_to` is the revision whose pod has answered, where that is not this one's.
    """

    model: str
    version: str
    protocol: Protocol
    traceparent: str | None = None
    tracestate: str | None = None
    code: str = ""
    error: str | None = None
    id: str | None = None
    rows: int | None = None
    seconds: float = 0.0
    queued: float | None = None
    computed: float | None = None
    encoded: float | None = None
    forwarded_to: str | None = None


def trace_id(traceparent: str | None) -> str | None:
    """Return the trace id (32 hexadecimal digits) in W3C's header `traceparent`; None if it has no valid one."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return None if found is None or found[1] == _NO_TRACE else found[1]
