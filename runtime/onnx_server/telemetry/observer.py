"""Who hears of each request that is over, where somebody wants to."""

from onnx_server.settings.telemetry import LoggingSettings, TracingSettings
from onnx_server.telemetry.access_log import AccessLog
from onnx_server.telemetry.finished import Finished, trace_id
from onnx_server.telemetry.tracing import Tracer


class Observer:
    """Makes the span and the log line of each request."""

    def __init__(self, tracer: Tracer | None, access_log: AccessLog | None) -> None:
        self._tracer = tracer
        self._access_log = access_log

    def finished(self, finished: Finished) -> None:
        """Tell of one request, right after its answer."""
        trace = self._tracer.record(finished) if self._tracer else trace_id(finished.traceparent)
        if self._access_log is not None:
            self._access_log.write(finished, trace)

    def close(self) -> None:
        """Export what is left, for at most three seconds."""
        if self._tracer is not None:
            self._tracer.close()


def observer(logging: LoggingSettings, tracing: TracingSettings) -> Observer | None:
    """Return who hears of requests; None if nobody wants to. Raises Failure InvalidConfig if tracing cannot be."""
    access_log = AccessLog(logging) if logging.requests is not None else None
    tracer = Tracer() if tracing.enabled else None
    return Observer(tracer, access_log) if access_log or tracer else None
