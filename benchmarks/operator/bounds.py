"""What the operator must reach, and what it was measured to reach. Performance is shown, never asserted. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks.results import Results

Object = dict[str, Any]


@dataclass(frozen=True)
class Bound:
    """One row: `measured` finds the number in results of `scenarios`, `most` is what it may be.

    `kserve` is what KServe's manager reached, in words; `models` is how many are settled when the scenarios begin.
    """

    title: str
    scenarios: tuple[str, ...]
    measured: Callable[..., float]
    most: float
    unit: str = ""
    kserve: str = ""
    models: int = 0

    def value(self, results: Results) -> float | None:
        """Return what was measured; None if a scenario was not played, or with another number of models."""
        given = [results.of(name) for name in self.scenarios]
        fits = all(values is not None and values.get("models", self.models) == self.models for values in given)
        return self.measured(*given) if fits else None


def settled(runs: Object) -> float:
    """Return the seconds until all models were settled, the middle of the runs."""
    return float(median(run["settledAfter"] for run in runs["operator"]))


def bare(runs: Object) -> float:
    """Return the seconds until all pods of the bare writer were ready, the middle of the runs."""
    return float(median(run["readyAfter"] for run in runs["bare"]))


def _of_model(what: str, quantile: str) -> Callable[[Object], float]:
    def measured(idle: Object) -> float:
        return float(idle["times"][what][quantile])

    return measured


def _of_restart(what: str) -> Callable[[Object], float]:
    def measured(restart: Object) -> float:
        return float(restart["spread"][what]["max"])

    return measured


def _requests_a_model(runs: Object) -> float:
    return float(max(run["requestsAModel"] for run in runs["operator"]))


def _at_rest(rest: Object) -> float:
    return float(rest["requests"]["writes"] + rest["requests"]["reads"])


SETTLED: Final = 1000
IDLE: Final = ("idle",)
MANY: Final = ("at-once 1000",)
MORE: Final = "at-once 5000"
RESTART: Final = ("restart",)

BOUNDS: Final = (
    Bound("create → Deployment, idle, p50", IDLE, _of_model("Deployment", "p50"), 30, "ms", "31"),
    Bound("create → Deployment, idle, p99", IDLE, _of_model("Deployment", "p99"), 50, "ms", "38 to 67"),
    Bound("create → Ready, idle, p50", IDLE, _of_model("Ready", "p50"), 110, "ms", "101 to 116"),
    Bound("create → Ready, idle, p99", IDLE, _of_model("Ready", "p99"), 180, "ms", "133 to 224"),
    Bound("1,000 at once settled (goal: 22)", MANY, settled, 35, "s", "112"),
    Bound("… over the bare writer's time until all pods are ready", MANY, lambda r: settled(r) / bare(r), 1.5, "times"),
    Bound("requests a model, 1,000 at once", MANY, _requests_a_model, 12, "", "23"),
    Bound(
        "5,000 at once over 1,000 at once",
        (MORE, *MANY),
        lambda more, fewer: settled(more) / settled(fewer),
        5.5,
        "times",
    ),
    Bound(
        "edits and deletions of owned objects not repaired",
        ("drift",),
        lambda drift: float(drift["all"]["notRepaired"]),
        0,
        "",
        "HPA: all of them",
    ),
    Bound("restart with 1,000 settled: write requests", RESTART, _of_restart("writes"), 0, "", "1,000", SETTLED),
    Bound("… quiet after", RESTART, _of_restart("quietAfter"), 10, "s", "18", SETTLED),
    Bound("… CPU until quiet (goal: 5)", RESTART, _of_restart("cpuSeconds"), 8, "s", "5.5", SETTLED),
    Bound("… peak memory", RESTART, _of_restart("peakMiB"), 160, "MiB", "147 MB", SETTLED),
    Bound("at rest with 1,000: requests but watches and the Lease's", ("rest",), _at_rest, 0, "", "0", SETTLED),
)
