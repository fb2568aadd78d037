"""All metrics of the process, in Prometheus' text format or in OpenMetrics."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from onnx_server import __version__
from onnx_server.metrics import models, traffic, triton
from onnx_server.metrics.families import Family, label, text
from onnx_server.models.loaded import Loaded
from onnx_server.traffic.traffic import Traffic

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Metrics:
    """All metrics of one server process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client does not annotate it
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    def exposition(
        self,
        loaded: Iterable[Loaded],
        split: Traffic,
        *,
        ready: bool,
        accept: str = "",
        triton_names: bool = False,
    ) -> tuple[bytes, str]:
        """Return all metrics of the models `loaded` and their content type: OpenMetrics where `accept` names it."""
        serving = list(loaded)
        families = [
            *_of_server(ready=ready),
            *models.families(serving, ready=ready, elsewhere=split.waiting),
            *traffic.families(split),
        ]
        if triton_names:
            families += triton.families(serving)
        openmetrics = "application/openmetrics-text" in accept
        process = (generate_openmetrics if openmetrics else generate_latest)(self._process)
        return text(families, openmetrics=openmetrics).encode() + process, _OPENMETRICS if openmetrics else _TEXT


def _of_server(*, ready: bool) -> list[Family]:
    server = Family("onnx_server_ready", "gauge", "1 while the server answers that it is ready")
    server.add("", int(ready))
    build = Family("onnx_server_build_info", "info", "Version of the server")
    build.add(label("version", __version__), 1)
    return [server, build]
