"""The page shows what was measured against what must be reached, and says what was not measured."""

import json
import re
from pathlib import Path
from typing import Any

from benchmarks.operator.bounds import BOUNDS
from benchmarks.operator.report import page
from benchmarks.results import Results
from benchmarks.tables import number, table
from tests.cluster.rest import Object

MACHINE = {
    "cpu": "Some CPU",
    "cores": 2,
    "memoryGiB": 8.0,
    "kernel": "6",
    "python": "3",
    "etcd": "3",
    "kubernetes": "v1",
    "kwok": "v0",
    "kopf": "1",
    "aiohttp": "3",
    "kubernetesClient": "37",
}


def kept(values: Object) -> Object:
    limits = {"qps": 2000, "autoscalerPeriod": "15s"}
    return {"at": "2026-01-01T00:00:00+00:00", "commit": "abc", "machine": MACHINE, "limits": limits, "values": values}


def at_once(settled: list[float], ready: list[float]) -> Object:
    asked = {"byKind": {"patch services": 2000}}
    operated = [
        {"settledAfter": s, "requestsAModel": 12, "peakMiB": 100, "cpuSeconds": {"etcd": 1.0}, "requests": asked}
        for s in settled
    ]
    written = [{"readyAfter": r, "writtenAfter": r / 2, "cpuSeconds": {"etcd": 1.0}} for r in ready]
    return {"operator": operated, "bare": written, "bareConcurrency": 16}


def row(made: str, title: str) -> str:
    return next(line for line in made.splitlines() if line.startswith(f"| {title} |"))


def test_bounds_are_met_not_met_or_not_measured() -> None:
    made = page(Results({"at-once 1000": kept(at_once([36.0, 30.0, 34.0], [20.0, 24.0, 28.0]))}))
    assert " met |" in row(made, "1,000 at once settled (goal: 22)")
    assert "| 34 |" in row(made, "1,000 at once settled (goal: 22)")
    assert "| 1.42 |" in row(made, "… over the bare writer's time until all pods are ready")
    assert "sees 1,000 models ready after\n24 s here" in made
    assert "not measured" in row(made, "5,000 at once over 1,000 at once")

    more = page(
        Results({"at-once 1000": kept(at_once([30.0], [24.0])), "at-once 5000": kept(at_once([180.0], [144.0]))})
    )
    assert "**NOT MET**" in row(more, "5,000 at once over 1,000 at once")
    assert "It sees 5,000 ready after 144 s, 6 times as long" in more

    slow = page(Results({"at-once 1000": kept(at_once([36.0], [20.0]))}))
    assert "**NOT MET**" in row(slow, "1,000 at once settled (goal: 22)")


def test_every_bound_has_a_row_even_when_nothing_was_played() -> None:
    made = page(Results())
    assert len(re.findall(r"\| not measured \|", made)) == len(BOUNDS)


def test_results_are_kept_beside_earlier_ones(tmp_path: Path) -> None:
    file = tmp_path / "below/results.json"
    Results({"rest": kept({"some": 1})}).write(file)
    again = Results.read(file)
    assert again.of("rest") == {"some": 1}
    assert again.of("idle") is None
    assert json.loads(file.read_text())["rest"]["commit"] == "abc"


def test_numbers_are_read_by_people() -> None:
    shown: list[Any] = [number(value) for value in (None, 3, 1234.0, 12.345, 1.5)]
    assert shown == ["-", "3", "1,234", "12.3", "1.50"]
    assert table(["a", "b"], [[1, None]]) == "| a | b |\n| --- | --- |\n| 1 | - |\n"


def test_a_bound_of_1000_settled_models_is_not_measured_with_fewer() -> None:
    spread = {name: {"min": 1, "median": 1, "max": 1} for name in ("writes", "quietAfter", "cpuSeconds", "peakMiB")}
    many, few = ({"models": models, "spread": spread} for models in (1000, 10))
    assert " met |" in row(page(Results({"restart": kept(many)})), "… quiet after")
    assert "not measured" in row(page(Results({"restart": kept(few)})), "… quiet after")
