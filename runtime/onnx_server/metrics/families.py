"""Metrics as text: Prometheus' format and OpenMetrics.

Written here rather than by prometheus_client, which takes milliseconds for each model: whoever scrapes would hold up
requests. Its parsers read what comes out (tests/contract/test_server_metrics.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from onnx_server.engine.histogram import Histogram

Kind = Literal["counter", "gauge", "histogram", "info"]


@dataclass(slots=True)
class Family:
    """A metric and its samples. `name` is that of the samples; a histogram's have a suffix more."""

    name: str
    kind: Kind
    help: str
    lines: list[str] = field(default_factory=list)

    def add(self, labels: str, value: float) -> None:
        """Add a sample; `labels` is what `label` gives, joined by commas, or empty."""
        self.lines.append(f"{self.name}{{{labels}}} {value}\n" if labels else f"{self.name} {value}\n")

    def add_histogram(self, labels: str, histogram: Histogram) -> None:
        """Add all samples of a histogram."""
        below = 0
        for bound, count in zip(_bounds(histogram.bounds), histogram.counts, strict=True):
            below += count
            self.lines.append(f'{self.name}_bucket{{{labels},le="{bound}"}} {below}\n')
        self.lines.append(f"{self.name}_sum{{{labels}}} {histogram.sum}\n")
        self.lines.append(f"{self.name}_count{{{labels}}} {below}\n")


def label(name: str, value: str) -> str:
    """Return a label with its value escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{escaped}"'


def text(families: Iterable[Family], *, openmetrics: bool) -> str:
    """Return the families in one of the formats; OpenMetrics' end is left to whoever puts the last part there."""
    parts: list[str] = []
    for family in families:
        name, kind = _described(family) if openmetrics else (family.name, _PROMETHEUS.get(family.kind, family.kind))
        parts.append(f"# HELP {name} {family.help}\n# TYPE {name} {kind}\n")
        parts += family.lines
    return "".join(parts)


# Prometheus' format has no word for it.
_PROMETHEUS = {"info": "gauge"}
_SUFFIXES = {"counter": "_total", "info": "_info"}


def _described(family: Family) -> tuple[str, str]:
    """Return OpenMetrics' name and type: without the suffix of the type, which the samples must have."""
    suffix = _SUFFIXES.get(family.kind, "")
    return (family.name.removesuffix(suffix), family.kind) if family.name.endswith(suffix) else (family.name, "unknown")


@cache
def _bounds(bounds: tuple[float, ...]) -> tuple[str, ...]:
    """Return the values of the label `le`."""
    return (*map(repr, bounds), "+Inf")
