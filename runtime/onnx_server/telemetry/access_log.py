"""The access log: a line for each request that is over, or for each failed one, or for a share of them."""

import logging

from onnx_server.settings.telemetry import LoggingSettings
from onnx_server.telemetry.finished import Finished

log = logging.getLogger(__name__)


class AccessLog:
    """Writes the lines that the settings ask for. Failed requests are always among them."""

    def __init__(self, settings: LoggingSettings) -> None:
        self._successes = settings.sample_ratio if settings.requests == "All" else 0.0
        self._due = 0.0
        log.setLevel(logging.INFO)  # asked for by a setting of its own, whatever the level of other logs

    def write(self, finished: Finished, trace_id: str | None) -> None:
        """Log one request, unless it is left out."""
        if finished.error is None:
            # Evenly, so that no random numbers are needed: at 0.25 every fourth.
            self._due += self._successes
            if self._due < 1:
                return
            self._due -= 1
        log.info("request", extra=_fields(finished, trace_id))


def _fields(finished: Finished, trace_id: str | None) -> dict[str, object]:
    fields = {
        "model": finished.model,
        "version": finished.version,
        "protocol": finished.protocol,
        "code": finished.code,
        "seconds": _rounded(finished.seconds),
        "queueSeconds": _rounded(finished.queued),
        "computeSeconds": _rounded(finished.computed),
        "rows": finished.rows,
        "id": finished.id,
        "forwardedTo": finished.forwarded_to,
        "traceId": trace_id,
        "error": finished.error,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
