"""The section of the page that is made of results. Pure."""

import math
from collections import Counter
from statistics import median
from typing import Final

from benchmarks.quantiles import TRIMMED, Within, product_within, ratio_within
from benchmarks.results import Object, Results
from benchmarks.shadow.paced import CONNECTIONS
from benchmarks.shadow.turns import CASES, FASTEST, FIRST, LONGER, PACE, PERCENT, SHORTER, STEPS, WAYS, State, turned
from benchmarks.tables import number, table

Loads = dict[str, Object]
"""By way and case."""

NAME: Final = "shadow"
MUST_ADD: Final = 5.0
"""Percent that a split with copies may add to the 99th percentile of a request's time."""

CERTAIN, MET, UNTOLD, MISSED = "met, for certain", "met", "not told", "**NOT MET**"

HEAD: Final = f"""# Benchmarks of the shadow

Made by `make bench-shadow`; no number here is typed by hand. A pod has one core, and is asked with models of the
server's benchmark in three states: without a split, with one that neither forwards nor copies, and with copies: of
{PERCENT} % of the requests copies are drawn, for a second pod of the same model; those for which there is no room are
dropped. Loads are short and many. No split and a split take turns, and then a split and one with copies: each load is
compared with the one beside it under the other state. What is added is the mean of the logarithms of these ratios,
without the {100 * TRIMMED:.0f} % at either end; in parentheses is between what it is, with a certainty of 95 %. What
both add is reckoned from the two. It is *met* if the mean is no more than it must be, *for certain* if the upper end is
not, either; *not told* if the mean is more, but the lower end is not; *not met* if all is more. The machine alone makes
*alike* loads differ, those beside each other under the same state: half of them by as much as that, or more.

Loads with copies, and those beside them, last {LONGER} times as long as the others. Of such quick models a pod copies
once in 3 to 20 seconds, after its first {FIRST}: many loads have no copy, as many seconds of a rollout have none. The
time that has to pass goes on while nothing is copied, so that they have up to twice as many as so much of a rollout.

Each model is asked in each way twice:
- **without a pause**, by the tools of the server's benchmark: each connection asks again as soon as it is answered. The
  pod is saturated then, and each microsecond that it takes longer is one for all who wait: no pod that is to keep
  latencies is run so, but nothing hides there.
- **paced**: {100 * PACE:.0f} % of what the pod could answer, at most {FASTEST:,.0f} requests a second, at random
  moments, over {CONNECTIONS} connections, by the benchmark itself; {SHORTER} times as many loads, {SHORTER} times
  shorter.
"""

UNMEASURED: Final = f"""## What is not measured
- A network: both pods share a machine, over the loopback interface.
- The beginning of a course, when {FIRST} copies go as fast as one in a hundred of a core allows.
- The whole of what copies add where hardly more than {100 * TRIMMED:.0f} % of the loads had one ("compared"): what is
  left out at the upper end may be those.
"""


def section(results: Results) -> str:
    """Return the section; the head alone if nothing was measured."""
    kept = results.scenarios.get(NAME)
    if kept is None:
        return HEAD
    loads: Loads = kept["values"]["loads"]
    parts = (HEAD, _machine(kept), _must_reach(loads), _times(loads, "p99"), _times(loads, "p50"), _copies(loads))
    return "\n".join((*parts, UNMEASURED))


def _machine(kept: Object) -> str:
    machine = kept["machine"]
    return f"""## Machine
{machine["cores"]} cores ({machine["cpu"]}), {machine["memoryGiB"]} GiB of memory, Linux {machine["kernel"]}, Python
{machine["python"]}. The candidate {kept["candidateCore"]}. A load lasts
{kept["values"]["seconds"]} s. At commit {kept["commit"]}, until {kept["at"]}. Others used
{kept["values"]["elsewhere"]:.2f} cores meanwhile; where that is much, nothing here means much.
"""


def _must_reach(loads: Loads) -> str:
    rows: list[list[str]] = []
    verdicts: Counter[str] = Counter()
    for name in _names():
        steps = loads[name]["steps"]
        added = [ratio_within(_ratios(found, *states)) for found, states in zip(steps, STEPS, strict=True)]
        both = product_within(added)
        verdict = _verdict(both)
        verdicts[verdict] += 1
        alike = " and ".join(_alike(found, states) for found, states in zip(steps, STEPS, strict=True))
        pairs = str(len(steps[0]["none"]))
        rows.append([name, pairs, alike, *map(_shown, (*added, both)), f"≤ {MUST_ADD:g} %", verdict])
    must = ["by a split", "by its copies", "by both", "both must", ""]
    head = ["added to p99, %", "pairs of loads", "alike loads", *must]
    certain, met, untold = (verdicts[each] for each in (CERTAIN, MET, UNTOLD))
    told = f"Met in {certain + met} of {len(rows)} cases, in {certain} for certain; {UNTOLD} in {untold}."
    return f"## Must reach\n{table(head, rows)}\n{told}\n"


def _verdict(both: Within) -> str:
    middle, low, high = map(_percent, both)
    if middle <= MUST_ADD:
        return CERTAIN if high <= MUST_ADD else MET
    return MISSED if low > MUST_ADD else UNTOLD


def _shown(within: Within) -> str:
    mid, low, high = (number(_percent(ratio)) for ratio in within)
    return f"{mid} ({low} to {high})"


def _ratios(found: Object, without: State, having: State) -> list[float]:
    return [float(b["p99"]) / float(a["p99"]) for a, b in zip(found[without], found[having], strict=True)]


def _alike(found: Object, states: tuple[State, State]) -> str:
    """Return the middle difference of two loads under one state: of the last of a round and the first of the next."""
    rounds = len(found[states[0]])
    loads = [found[turned(states, each)[-1]][each : each + 2] for each in range(rounds - 1)]
    apart = [abs(math.log(float(b["p99"]) / float(a["p99"]))) for a, b in loads]
    return number(_percent(math.exp(median(apart)))) if apart else "-"


def _percent(ratio: float) -> float:
    return round(100.0 * (ratio - 1), 1)


def _times(loads: Loads, quantile: str) -> str:
    rows = []
    for name in _names():
        steps = loads[name]["steps"]
        middles = [
            median(float(load[quantile]) for load in found[state])
            for found, states in zip(steps, STEPS, strict=True)
            for state in states
        ]
        rows.append([name, *(f"{middle:.3f}" for middle in middles)])
    head = [f"{quantile}, ms, middle of the loads", "no split", "a split beside that", "a split", f"{PERCENT} % copied"]
    return f"## Clients' times, {quantile}\n{table(head, rows)}"


def _copies(loads: Loads) -> str:
    rows = []
    for name in _names():
        steps = loads[name]["steps"]
        copies = loads[name]["copies"]
        rows.append(
            [
                name,
                *(
                    number(median(float(load["perSecond"]) for load in of))
                    for of in (steps[0]["none"], steps[1]["shadow"])
                ),
                number(copies["sampled"]),
                number(copies["compared"]),
                number(sum(copies["dropped"].values())),
            ]
        )
    head = ["", "answers a second, no split", "with copies", "copies drawn", "compared", "dropped"]
    return f"## Copies\n{table(head, rows)}"


def _names() -> list[str]:
    return [f"{way.name} {name}" for case in CASES for way in WAYS for name in case.names]
