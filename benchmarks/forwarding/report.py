"""The section of the page that is made of results. Pure."""

from collections.abc import Callable
from statistics import median
from typing import Final

from benchmarks.forwarding.turns import BUSY, FORWARDED, LOCAL, WAYS, Case
from benchmarks.quantiles import spread
from benchmarks.results import Object, Results
from benchmarks.server.model_section import shown_three
from benchmarks.tables import number, table

NAME: Final = "forwarding"
MUST_ADD: Final = 0.4
"""Milliseconds that forwarding may add to the middle of a request's time, over the loopback interface."""

HEAD: Final = """# Benchmarks of forwarding

Made by `make bench-forwarding`; no number here is typed by hand. A pod has one core, and is asked with the tiny model
of the server's benchmark, in the same ways, by the same tools; answers are checked before and after each load, and a
load in which a request failed is no result. A second pod of the same model is the candidate of a split, so that what
is forwarded is answered there. With 0 % there is no split. Where there are three values they are the least, the middle
and the greatest of the turns; differences and shares are of one turn.
"""

UNMEASURED: Final = """## What is not measured
- A network: both pods share a machine, over the loopback interface.
- Large requests, streams, candidates that fail or are slow: the tests are about these.
"""


def section(results: Results) -> str:
    """Return the section; the head alone if nothing was measured."""
    kept = results.scenarios.get(NAME)
    if kept is None:
        return HEAD
    turns: list[Object] = kept["values"]["rounds"]
    return "\n".join((HEAD, _machine(kept, turns), _must_reach(turns), _latency(turns), _throughput(turns), UNMEASURED))


def _machine(kept: Object, turns: list[Object]) -> str:
    machine = kept["machine"]
    elsewhere = shown_three(spread([turn["elsewhere"] for turn in turns], 3))
    return f"""## Machine
{machine["cores"]} cores ({machine["cpu"]}), {machine["memoryGiB"]} GiB of memory, Linux {machine["kernel"]}, Python
{machine["python"]}. The candidate {kept["candidateCore"]}. A load lasts
{kept["values"]["seconds"]} s. At commit {kept["commit"]}, until {kept["at"]}. Others used {elsewhere} cores meanwhile;
where that is much, nothing here means much.
"""


def _must_reach(turns: list[Object]) -> str:
    rows = []
    for way in (way.name for way in WAYS):
        added = [_added(turn, way, "p50") for turn in turns]
        verdict = "met" if median(added) <= MUST_ADD else "**NOT MET**"
        rows.append([f"forwarding adds to p50, {way}", _three(added, 3), f"≤ {MUST_ADD} ms", verdict])
    return f"## Must reach\n{table(['what', 'measured, ms', 'must', ''], rows)}"


def _latency(turns: list[Object]) -> str:
    rows = []
    for way in (way.name for way in WAYS):
        for quantile in ("p50", "p99"):
            of_case = [[_of(turn, way, case)[quantile] for turn in turns] for case in (LOCAL, FORWARDED)]
            added = [_added(turn, way, quantile) for turn in turns]
            rows.append([f"{way}, {quantile}", *(_three(values, 3) for values in (*of_case, added))])
    head = ["a request's time, ms, one connection", "answered here", "forwarded", "added"]
    return f"## Latency\n{table(head, rows)}"


def _throughput(turns: list[Object]) -> str:
    def row(what: str, value: Callable[[Object], float], digits: int) -> list[str]:
        return [what, *(_three([value(_of(turn, way, case)) for turn in turns], digits) for case in BUSY)]

    parts = []
    for way in (way.name for way in WAYS):
        head = [f"{way}, {BUSY[0].connections} connections", *(f"{case.weight} % forwarded" for case in BUSY)]
        rows = [
            row("answers a second", lambda load: load["perSecond"], 1),
            row("p50, ms", lambda load: load["p50"], 3),
            row("p99, ms", lambda load: load["p99"], 3),
            row(
                "forwarded a second",
                lambda load: load["candidate"]["requests"] * load["perSecond"] / load["answers"],
                1,
            ),
            row("of these answered here all the same, %", _fell_back, 2),
        ]
        parts.append(table(head, rows))
    return "## Throughput\n" + "\n".join(parts)


def _fell_back(load: Object) -> float:
    asked = load["candidate"]["requests"]
    return 100 * load["candidate"]["errors"] / asked if asked else 0.0


def _of(turn: Object, way: str, case: Case) -> Object:
    load: Object = turn["loads"][f"{way} {case.name}"]
    return load


def _added(turn: Object, way: str, quantile: str) -> float:
    return float(_of(turn, way, FORWARDED)[quantile] - _of(turn, way, LOCAL)[quantile])


def _three(values: list[float], digits: int) -> str:
    found = spread(values, digits)
    shown = [f"{found[name]:.{digits}f}" if digits > 1 else number(found[name]) for name in ("min", "median", "max")]
    return shown[0] if len(set(shown)) == 1 else " / ".join(shown)
