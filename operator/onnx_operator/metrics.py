"""The operator's metrics, in a registry of their own."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters that the engine moves, and gauges that are read when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}
        self.reconciles = Counter(
            "onnx_operator_reconciles_total",
            "Reconciles by result: done, conflict, transient, refused, invariant, bug.",
            ["result"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "onnx_operator_reconcile_seconds",
            "Seconds that a reconcile took.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.violations = Counter(
            "onnx_operator_invariant_violations_total",
            "Plans that broke a rule which always holds; nothing of them was written. A bug: please report it.",
            ["invariant"],
            registry=self.registry,
        )
        self._requests = Counter(
            "onnx_operator_api_requests_total",
            "Requests to the API server, without the watches, by method, resource and HTTP status (0: no answer).",
            ["method", "resource", "code"],
            registry=self.registry,
        )

    def request(self, method: str, resource: str, code: int) -> None:
        """Count a request to the API server."""
        self._requests.labels(method, resource, str(code)).inc()

    def gauge(self, name: str, documentation: str, read: Callable[[], float], **labels: str) -> None:
        """Add a gauge whose value is read when it is asked for."""
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = Gauge(f"onnx_operator_{name}", documentation, list(labels), registry=self.registry)
            self._gauges[name] = gauge
        (gauge.labels(**labels) if labels else gauge).set_function(read)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
