"""Metrics of the split: what goes to other pods, what comes from them, and how copies compare."""

from onnx_server.metrics.families import Family, label
from onnx_server.traffic.arms import FAILURES
from onnx_server.traffic.evidence import COPIED
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
    return [forwarded, waiting, weight, *_of_copies(traffic)]


def _of_copies(traffic: Traffic) -> list[Family]:
    percent = Family("onnx_server_shadow_percent", "gauge", "Share of own answers whose requests are copied")
    percent.add("", traffic.shadow_percent)
    copies = Family("onnx_server_shadow_copies_total", "counter", "Copies that are over, by what became of them")
    traffic.copies.settle()
    for outcome in COPIED:
        copies.add(label("outcome", outcome), traffic.copies.outcomes[outcome])
    under_way = Family("onnx_server_shadow_copies_under_way", "gauge", "Copies that are not over")
    under_way.add("", traffic.copies.under_way)
    samples = Family("onnx_server_shadow_output_samples_total", "counter", "Outputs compared in this rollout")
    agreed = Family("onnx_server_shadow_output_agreed_total", "counter", "Those that agree as a retrained model's do")
    equal = Family("onnx_server_shadow_output_equal_total", "counter", "Those that are equal within the tolerances")
    for output, counts in traffic.compared().items():
        for family, count in zip((samples, agreed, equal), counts, strict=True):
            family.add(label("output", output), count)
    return [percent, copies, under_way, samples, agreed, equal]


def _labels(direction: str, outcome: str) -> str:
    return f"{label('direction', direction)},{label('outcome', outcome)}"
