"""A span of each inference request by OpenTelemetry, under the caller's trace (W3C Trace Context).

Spans are made when the request is over, with the times that were measured anyway. The libraries are the extra `otel`
and are imported only if tracing is on; where spans go is said by the standard OTEL_* environment variables.
"""

import threading
import time
from typing import Any

from onnx_server import __version__
from onnx_server.failures import Failure, Reason
from onnx_server.telemetry.finished import Finished

# How long the process's end waits for a collector that does not answer.
CLOSE_SECONDS = 3.0
_ROUTE = "/v2/models/{model}/infer"
_RPC = ("inference.GRPCInferenceService", "ModelInfer")


class Tracer:
    """Makes spans and has them exported, by a thread of OpenTelemetry's."""

    def __init__(self) -> None:
        """Start exporting. Raises Failure InvalidConfig if OpenTelemetry is not installed or not configured right."""
        try:
            from opentelemetry import trace  # noqa: PLC0415  an extra, and half a second of start-up
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415
        except ImportError as error:
            message = (
                f"tracing.enabled: OpenTelemetry is not installed ({error}): install this package with its extra "
                "otel, or set it to false"
            )
            raise Failure(Reason.INVALID_CONFIG, message) from error
        ours = Resource({"service.name": "onnx-server", "service.version": __version__})
        try:
            resource = Resource.get_empty().merge(ours).merge(OTELResourceDetector().detect())
            self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except ValueError as error:
            message = f"tracing.enabled: an OTEL_* environment variable is not valid: {error}"
            raise Failure(Reason.INVALID_CONFIG, message) from error
        self._trace: Any = trace
        self._tracer = self._provider.get_tracer("onnx_server", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def record(self, finished: Finished) -> str:
        """Make the spans of a request that ended just now; return its trace id."""
        end = time.time_ns()
        span = self._tracer.start_span(
            f"POST {_ROUTE}" if finished.protocol == "http" else "/".join(_RPC),
            context=self._propagator.extract(_carrier(finished)),
            kind=self._trace.SpanKind.SERVER,
            attributes=_attributes(finished),
            start_time=end - _ns(finished.seconds),
        )
        if span.is_recording():
            if finished.error is not None:
                span.set_status(self._trace.StatusCode.ERROR, finished.error)
            self._parts(span, finished, end)
        span.end(end)
        return format(span.get_span_context().trace_id, "032x")

    def _parts(self, span: Any, finished: Finished, end: int) -> None:
        """Make the spans of waiting and running, which come before encoding."""
        if finished.queued is None or finished.computed is None or finished.encoded is None:
            return
        context = self._trace.set_span_in_context(span)
        encoding = end - _ns(finished.encoded)
        computing = encoding - _ns(finished.computed)
        for name, start, stop in (
            ("queue", computing - _ns(finished.queued), computing),
            ("compute", computing, encoding),
        ):
            self._tracer.start_span(name, context=context, start_time=start).end(stop)

    def close(self) -> None:
        """Export what is left, for at most three seconds; OpenTelemetry itself would try for longer."""
        closing = threading.Thread(target=self._provider.shutdown, name="export spans", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def _carrier(finished: Finished) -> dict[str, str]:
    carrier = {"traceparent": finished.traceparent, "tracestate": finished.tracestate}
    return {name: value for name, value in carrier.items() if value is not None}


def _attributes(finished: Finished) -> dict[str, str | int]:
    attributes: dict[str, str | int | None] = {
        "onnx_server.model.name": finished.model,
        "onnx_server.model.version": finished.version,
        "onnx_server.request.id": finished.id,
        "onnx_server.request.rows": finished.rows,
        "onnx_server.forwarded_to": finished.forwarded_to,
    }
    if finished.protocol == "http":
        attributes |= {
            "http.request.method": "POST",
            "http.route": _ROUTE,
            "http.response.status_code": int(finished.code),
        }
    else:
        attributes |= {
            "rpc.system": "grpc",
            "rpc.service": _RPC[0],
            "rpc.method": _RPC[1],
            "rpc.response.status_code": finished.code,
        }
    return {name: value for name, value in attributes.items() if value is not None}


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
