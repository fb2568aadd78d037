"""Read the profile that ONNX Runtime wrote, a Chrome trace: how long each operator took. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from onnx_server.engine import providers


@dataclass(slots=True)
class OperatorTime:
    """How often nodes of one operator ran on one provider, and how long in all; Loop, If and Scan with their bodies."""

    operator: str
    provider: str
    count: int = 0
    microseconds: int = 0


@dataclass(slots=True)
class Summary:
    """Runs of the model, how long they took in all, and their operators, the longest first."""

    runs: int = 0
    microseconds: int = 0
    operators: list[OperatorTime] = field(default_factory=list)

    def describe(self) -> dict[str, object]:
        """Return this as the control port gives it. `share` is of the runs' time, which has overhead in it too."""
        return {
            "runs": self.runs,
            "microseconds": self.microseconds,
            "operators": [
                {
                    "operator": row.operator,
                    "provider": row.provider,
                    "count": row.count,
                    "microseconds": row.microseconds,
                    "share": round(row.microseconds / max(1, self.microseconds), 4),
                }
                for row in self.operators
            ],
        }

    def lines(self) -> list[str]:
        """Return this as a table of text."""
        head = f"{'operator':<28} {'provider':<10} {'count':>8} {'total µs':>12} {'mean µs':>10} {'share':>7}"
        rows = [
            f"{row.operator:<28} {row.provider:<10} {row.count:>8} {row.microseconds:>12} "
            f"{row.microseconds / row.count:>10.1f} {row.microseconds / max(1, self.microseconds):>7.1%}"
            for row in self.operators
        ]
        mean = self.microseconds / max(1, self.runs)
        return [head, *rows, f"{self.runs} runs, {mean:.1f} µs each with all overhead"]


def summarise(lines: Iterable[bytes], since: float = 0) -> Summary:
    """Sum up the events that began at or after `since`, in microseconds of the trace.

    `lines` are the file's: ONNX Runtime writes one event a line, so a trace of any length takes no memory.
    """
    summary, rows = Summary(), dict[tuple[str, str], OperatorTime]()
    for line in lines:
        text = line.strip().rstrip(b",")
        if text in {b"[", b"]", b""}:
            continue
        event = orjson.loads(text)
        if event["ts"] < since:
            continue
        if event["cat"] == "Session" and event["name"] == "model_run":
            summary.runs += 1
            summary.microseconds += event["dur"]
        elif event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            key = (event["args"]["op_name"], providers.short(event["args"]["provider"]))
            row = rows.setdefault(key, OperatorTime(*key))
            row.count += 1
            row.microseconds += event["dur"]
    summary.operators = sorted(rows.values(), key=lambda row: row.microseconds, reverse=True)
    return summary
