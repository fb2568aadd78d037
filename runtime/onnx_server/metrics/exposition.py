"""All metrics of the process, in Prometheus' text format or in OpenMetrics."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Info, disable_created_metrics
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from onnx_server import __version__
from onnx_server.metrics import models, triton
from onnx_server.models.loaded import Loaded

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(eq=False)
class _Ours(Collector):
    """The server's own metrics; `models` and `ready` are those of the moment."""

    models: list[Loaded]
    ready: bool

    def collect(self) -> Iterable[Metric]:
        """Yield each metric with its samples."""
        yield GaugeMetricFamily("onnx_server_ready", "1 while the server answers that it is ready", int(self.ready))
        yield from models.families(self.models, ready=self.ready)


class Metrics:
    """All metrics of one server process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client does not annotate it
        self._registry = CollectorRegistry()
        self._ours = _Ours([], ready=False)
        self._registry.register(self._ours)
        Info("onnx_server_build", "Version of the server", registry=self._registry).info({"version": __version__})
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def exposition(
        self, loaded: Iterable[Loaded], *, ready: bool, accept: str = "", triton_names: bool = False
    ) -> tuple[bytes, str]:
        """Return all metrics of the models `loaded`, and the content type, chosen by the header `accept`.

        With `triton_names` it is always the text format: OpenMetrics cannot say counters that do not end in `_total`.
        """
        self._ours.models, self._ours.ready = list(loaded), ready
        if triton_names:
            lines = "".join(f"{line}\n" for line in triton.lines(self._ours.models))
            return lines.encode() + generate_latest(self._registry), _TEXT
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
