"""Metrics of the split: what goes to other pods, and what comes from them."""

from onnx_server.metrics.families import Family, label
from onnx_server.traffic.arms import FAILURES
from onnx_server.traffic.outcome import Outcome
from onnx_server.traffic.traffic import Traffic

_OUTCOMES: tuple[Outcome, ...] = ("answered", *FAILURES, "bothRefused", "left")


def families(traffic: Traffic) -> list[Family]:
    """Return each metric; a label's values are all there from the start, so that rates see the first of each."""
    forwarded = Family(
        "onnx_server_forwarded_requests_total",
        "counter",
        "Inference requests given to other pods (out) or by other pods (in), by what became of them",
    )
    for outcome in _OUTCOMES:
        forwarded.add(_labels("out", outcome), traffic.outgoing[outcome])
    for arrived in ("answered", "failed"):
        forwarded.add(_labels("in", arrived), traffic.incoming[arrived])
    waiting = Family(
        "onnx_server_forwarded_requests_waiting", "gauge", "Inference requests that wait for another pod's answer"
    )
    waiting.add("", traffic.waiting)
    weight = Family("onnx_server_split_weight_percent", "gauge", "Share of inference requests given to other pods")
    weight.add("", traffic.applied_weight)
    return [forwarded, waiting, weight]


def _labels(direction: str, outcome: str) -> str:
    return f"{label('direction', direction)},{label('outcome', outcome)}"
