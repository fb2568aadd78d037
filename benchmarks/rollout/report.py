"""The section of the page that is made of results. Pure."""

from typing import Final

from benchmarks.quantiles import spread
from benchmarks.results import Object, Results
from benchmarks.rollout.cases import CASES
from benchmarks.rollout.documented import SAMPLES, Sample
from benchmarks.tables import number, table

ROUNDS: Final = "rounds"
COST: Final = "cost"

HEAD: Final = """# Benchmarks of judging a version

Made by `make bench-rollout`; no number here is typed by hand. On the local cluster of one node, four clients that
never retry and know the right answers ask a model of two pods all the time. A bad version is asked for, with the
default steps (a shadow first) and checks, of 2 seconds at least each instead of 15; or with weights alone. Each of its
pods comes up well. Time runs from its first step; preflight, which fetches and loads, comes before. Where there are
three values they are the least, the middle and the greatest of the rounds.

Others' times are not measured: they are what their own documents say of their own samples, if the metric is beyond its
limit from the first look on, at each look. They can be set to look more often, and at narrower limits, at the cost of
false alarms: a look has no minimum of requests there. They have no look at outputs.
"""

UNMEASURED: Final = """## What is not measured
- Flagger and Argo Rollouts themselves: they need a mesh or a gateway, and Prometheus, which this node has not.
- More than one node, and models that take longer than a few milliseconds.
"""


def section(results: Results) -> str:
    """Return the section; the head alone if nothing was measured."""
    parts = [HEAD]
    if kept := results.scenarios.get(ROUNDS):
        parts += [_machine(kept), _verdicts(kept["values"]), _others(kept["values"])]
    if cost := results.of(COST):
        parts.append(_cost(cost))
    return "\n".join([*parts, UNMEASURED])


def _machine(kept: Object) -> str:
    machine = kept["machine"]
    return f"""## Machine
{machine["cores"]} cores ({machine["cpu"]}), {machine["memoryGiB"]} GiB of memory, Linux {machine["kernel"]}, Python
{machine["python"]}; cluster, pods and clients share them. At commit {kept["commit"]}, until {kept["at"]}.
"""


def _verdicts(rounds: dict[str, list[Object]]) -> str:
    rows = [
        [
            name,
            ", ".join(sorted({judged["caught"] for judged in found})),
            _three([judged["samples"] for judged in found if judged["samples"] is not None]),
            _three([judged["verdict"] for judged in found]),
            # It never had a weight: no user had an answer of it.
            _three([judged["ended"] or 0.0 for judged in found]),
            number(max(judged["highest"] for judged in found)),
            number(sum(judged["requests"] for judged in found)),
            number(sum(judged["lost"] for judged in found)),
            number(sum(judged["wrong"] for judged in found)),
        ]
        for name, found in rounds.items()
    ]
    head = ["bad version", "caught by", "samples", "to the verdict, s", "then to weight 0, s", "highest weight, %"]
    return f"## Verdicts\n{table([*head, 'requests', 'lost', 'wrong answers to users'], rows)}"


def _others(rounds: dict[str, list[Object]]) -> str:
    rows = []
    for case in CASES:
        if found := rounds.get(case.name):
            taken = [judged["verdict"] + (judged["ended"] or 0.0) for judged in found]
            rows.append([case.name, _three(taken), *(_other(sample, case.wrong) for sample in SAMPLES)])
    head = ["from the first step to weight 0, s", "here", *(sample.tool for sample in SAMPLES)]
    samples = "\n".join(
        f"- {sample.tool}: {sample.document}: {sample.settings}. Rolled back after {sample.failing} looks that fail, "
        f"one each {sample.interval} s: {sample.rollback // 60} min. A good version is promoted after "
        f"{sample.promotion // 60} min."
        for sample in SAMPLES
    )
    return f"## Beside the documented samples of others\n{table(head, rows)}\n{samples}\n"


def _other(sample: Sample, wrong: str) -> str:
    limit = sample.limits.get(wrong)
    return "never: not looked at" if limit is None else f"{sample.rollback}, if {limit}"


def _cost(cost: dict[str, Object]) -> str:
    rows = [
        [
            name,
            number(found["seconds"]),
            number(found["looks"]),
            f"{1000 * found['cpu'] / found['looks']:.1f}" if found["looks"] else "-",
            f"{100 * found['cpu'] / found['seconds']:.1f}",
            f"{found['requests'] / found['looks']:.2f}" if found["looks"] else "-",
            f"{60 * found['statusWrites'] / found['seconds']:.0f}",
        ]
        for name, found in cost.items()
    ]
    head = [
        "the operator, one rollout",
        "seconds",
        "looks",
        "CPU a look, ms",
        "CPU, % of a core",
        "API requests a look",
    ]
    return f"## What judging costs the operator\n{table([*head, 'status changes a minute'], rows)}"


def _three(values: list[float]) -> str:
    if not values:
        return "-"
    found = spread(values, 1)
    shown = [number(found[name]) for name in ("min", "median", "max")]
    return shown[0] if len(set(shown)) == 1 else " / ".join(shown)
