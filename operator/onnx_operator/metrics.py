"""The operator's metrics, in a registry of their own."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from onnx_operator.decide.judgement import Judgement
from onnx_operator.evidence import Worst

# What counts of a rollout, by the event that tells it.
ROLLOUT_RESULTS = {
    "RolloutStarted": "started",
    "Promoted": "promoted",
    "Aborted": "aborted",
    "RolledBack": "rolled_back",
    "Superseded": "superseded",
}
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Rollout(NamedTuple):
    """A rollout that runs: ``key`` is namespace/name of the model, ``weight`` the percentage that it gets.

    ``judgements`` is what its checks say, unrounded; ``worst`` are the copies whose outputs differed most.
    """

    key: str
    phase: str
    weight: int
    judgements: tuple[Judgement, ...] = ()
    worst: tuple[Worst, ...] = ()


class _Rollouts(Collector):
    """Gauges whose label values come and go with the rollouts."""

    def __init__(self, read: Callable[[], Iterable[Rollout]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        phases = GaugeMetricFamily(
            "onnx_operator_rollout_phase", "1 for the phase that a model's rollout is in.", labels=["key", "phase"]
        )
        weights = GaugeMetricFamily(
            "onnx_operator_rollout_weight", "Percent of requests that the new revision gets.", labels=["key"]
        )
        verdicts = GaugeMetricFamily(
            "onnx_operator_rollout_check_verdict", "1 for what a check says.", labels=["key", "check", "verdict"]
        )
        samples = GaugeMetricFamily(
            "onnx_operator_rollout_check_samples", "What a check's verdict is made of.", labels=["key", "check"]
        )
        levels = GaugeMetricFamily(
            "onnx_operator_rollout_check_level",
            "What a check measured, as a share of what is tolerated: above 1 is beyond.",
            labels=["key", "check"],
        )
        for rollout in self._read():
            phases.add_metric([rollout.key, rollout.phase], 1)
            weights.add_metric([rollout.key], rollout.weight)
            for judgement in rollout.judgements:
                verdicts.add_metric([rollout.key, judgement.check, judgement.verdict], 1)
                if judgement.samples is not None:
                    samples.add_metric([rollout.key, judgement.check], judgement.samples)
                if judgement.level is not None:
                    levels.add_metric([rollout.key, judgement.check], judgement.level)
        yield from (phases, weights, verdicts, samples, levels)


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

        self._measurements = Counter(
            "onnx_operator_measurements_total",
            "Questions to Prometheus and to webhooks while rollouts were judged, by result: answered, unknown.",
            ["kind", "result"],
            registry=self.registry,
        )
        self._rollouts = Counter(
            "onnx_operator_rollouts_total",
            "Rollouts by what became of them: started, promoted, aborted, rolled_back, superseded.",
            ["result"],
            registry=self.registry,
        )
        self.running: dict[tuple[str, str], Rollout] = {}
        self.rollout_aborts = Counter(
            "onnx_operator_rollout_aborts_total",
            "Revisions that were taken back, by the reason in status.rejected.",
            ["reason"],
            registry=self.registry,
        )

    def measurement(self, kind: str, answered: bool) -> None:
        """Count a question that was asked on a user's behalf: ``prometheus`` or ``webhook``."""
        self._measurements.labels(kind, "answered" if answered else "unknown").inc()

    def rollout(self, event: str) -> None:
        """Count an event's reason, if it tells what became of a rollout."""
        if result := ROLLOUT_RESULTS.get(event):
            self._rollouts.labels(result).inc()

    def rollouts(self, counts: Callable[[], bool]) -> None:
        """Add gauges of the rollouts that run, for as long as ``counts`` says so."""
        self.registry.register(_Rollouts(lambda: self.running.values() if counts() else ()))

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
