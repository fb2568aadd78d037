"""The page that is made of results. Pure."""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

from benchmarks.operator.bounds import BOUNDS, MANY, MORE, bare
from benchmarks.quantiles import spread
from benchmarks.results import Results
from benchmarks.tables import number, table

Object = dict[str, Any]

HEAD: Final = """# Benchmarks of the operator

Made by `make bench-operator`; no number here is typed by hand. etcd, API server, controller manager and scheduler are
real; the node and the pods are played by KWOK, the pods' control port by a stand-in; all of it, the operator and the
benchmark share the machine's cores. Times of single models are taken by watches of the benchmark's own when events
arrive; requests are counted in the API server's audit log; CPU and memory are read from `/proc`.

A model has one pod, an autoscaler and a disruption budget: eight objects. It is settled when its status is of its
newest generation and says Ready, not Reconciling and not Stalled.
"""

NOT_OF_THE_CLUSTER: Final = {"benchmark", "bare-writer", "(elsewhere)", "control-port"}

UNMEASURED: Final = """## What is not measured
- Pods: KWOK makes them Ready at once, so no time to pull, fetch, load and warm up is in any number.
- Autoscaling: no metrics are served, so autoscalers exist and never scale.
- Admission webhooks, network latency between operator and API server, etcd's fsync (it is off) and a second replica.
"""


def page(results: Results) -> str:
    """Return the page, with a section for each scenario that was played."""
    parts = [HEAD, _machine(results), _must_reach(results)]
    for name, section in SECTIONS.items():
        if (values := results.of(name)) is not None:
            parts.append(section(values))
    parts += [part for part in [_at_once(results)] if part]
    return "\n".join([*parts, UNMEASURED])


def _machine(results: Results) -> str:
    newest = max(results.scenarios.values(), key=lambda kept: str(kept["at"]), default=None)
    if newest is None:
        return ""
    machine = newest["machine"]
    played = ", ".join(f"{name} ({kept['at']}, {kept['commit']})" for name, kept in sorted(results.scenarios.items()))
    limits = newest["limits"]
    return f"""## Machine
{machine["cores"]} cores ({machine["cpu"]}), {machine["memoryGiB"]} GiB of memory, Linux {machine["kernel"]}.
Kubernetes {machine["kubernetes"]}, etcd {machine["etcd"]} (without fsync), KWOK {machine["kwok"]}, Python
{machine["python"]}, kopf {machine["kopf"]}, kubernetes (Python) {machine["kubernetesClient"]}, aiohttp
{machine["aiohttp"]}.

The clients of the controller manager and of the scheduler may make {limits["qps"]:,} requests a second, bursts of
{2 * limits["qps"]:,}; autoscalers are looked at every {limits["autoscalerPeriod"]}: no metrics are served here, and to
ask for them in vain would cost more than all else.

When, and at which commit: {played}.
"""


def _must_reach(results: Results) -> str:
    rows = []
    for bound in BOUNDS:
        value = bound.value(results)
        verdict = "not measured" if value is None else "met" if value <= bound.most else "**NOT MET**"
        rows.append([bound.title, number(value), f"≤ {number(bound.most)} {bound.unit}", verdict, bound.kserve or "-"])
    shown = table(["what", "measured", "must reach", "", "KServe's manager"], rows)
    return f"""## Must reach
{shown}
KServe's manager (Standard mode, HPA): of earlier runs with KWOK, not of these. Of repeated restarts the worst
counts, of runs at once the middle one.
{_floor(results)}"""


def _floor(results: Results) -> str:
    """Return what the cluster alone takes for 1,000 models, which is the least that any operator can take."""
    many = results.of(MANY[0])
    if many is None:
        return ""
    run = sorted(many["bare"], key=lambda run: float(run["readyAfter"]))[len(many["bare"]) // 2]
    of_cluster = sum(seconds for name, seconds in run["cpuSeconds"].items() if name not in NOT_OF_THE_CLUSTER)
    return f"""
The bare writer, which does nothing but write the same objects by server-side apply, sees 1,000 models ready after
{number(run["readyAfter"])} s here: etcd, API server, controllers, scheduler and KWOK use {number(of_cluster)} CPU
seconds for them. No operator that makes these objects on this machine can settle them sooner.
{_floor_of_more(results, float(run["readyAfter"]))}"""


def _floor_of_more(results: Results, seconds: float) -> str:
    """Return how much longer the cluster alone takes for 5,000, where `seconds` are what it takes for 1,000."""
    more = results.of(MORE)
    if more is None:
        return ""
    ready = bare(more)
    return f"""
It sees 5,000 ready after {number(ready)} s, {number(ready / seconds)} times as long: the cluster itself is not linear.
"""


def _idle(values: Object) -> str:
    rows = [[what, *_quantiles(found), *_rounds(found)] for what, found in values["times"].items()]
    return "## One model at a time, idle: milliseconds from its creation\n" + table(
        ["until", "samples", "p50", "p99", "p50 of rounds", "p99 of rounds"], rows
    )


def _edit(values: Object) -> str:
    rows = [[what, *_quantiles(found)] for what, found in values["times"].items()]
    return "## Edits, idle: milliseconds from the edit\n" + table(["until", "samples", "p50", "p99"], rows)


def _drift(values: Object) -> str:
    rows = [
        [title, how, *_quantiles(found), found["notRepaired"]]
        for title, ways in values["objects"].items()
        for how, found in ways.items()
    ]
    rows.append(["**all**", "", *_quantiles(values["all"]), values["all"]["notRepaired"]])
    return (
        "## Drift: milliseconds until an owned object is as it was\n"
        "Each object of 20 settled models is edited by another field manager, in fields that the operator owns,\n"
        "and deleted. KServe's manager, of earlier runs with KWOK, not of these:\n"
        "49 to 55 ms p50, HPAs never.\n\n"
    ) + table(["object", "was", "repaired", "p50", "p99", "not repaired"], rows)


def _rest(values: Object) -> str:
    asked, minutes = values["requests"], values["minutes"]
    rows = [[name, number(asked[name] / minutes)] for name in ("writes", "reads", "watches", "leases")]
    rows += [[f"{name} (by verb)", number(times / minutes)] for name, times in asked["byKind"].items()]
    return (
        f"## At rest with {values['models']:,} models\n"
        f"Over {minutes} minutes, a minute; the operator's memory at its peak was "
        f"{values['peakMiB']} MiB, {values['proportionalMiB']} MiB of it its own (PSS).\n\n"
        + table(["the operator's requests", "a minute"], rows)
        + "\n"
        + _cpu("CPU seconds a minute", [values["cpuSecondsAMinute"]])
    )


def _restart(values: Object) -> str:
    rows = [
        [name, *(number(found[key]) for key in ("min", "median", "max"))] for name, found in values["spread"].items()
    ]
    return (
        f"## Restart of the operator with {values['models']:,} settled models\n"
        "From the start of the process until it is quiet: no request but watches and the Lease's, and less than a\n"
        "tenth of a core, for 15 s afterwards. PSS is of then.\n\n"
        + table(["of the operator", "min", "median", "max"], rows)
    )


def _api_restart(values: Object) -> str:
    asked = values["requests"]
    rows = [
        ["the API server was away, s", values["away"]],
        ["a model made then is Ready after, s", values["newModelReadyAfter"]],
        ["the operator is quiet after, s", values["quietAfter"]],
        ["its write requests", asked["writes"]],
        ["its other requests, without watches and the Lease's", asked["reads"]],
        ["its watches begun", asked["watches"]],
        ["its peak memory, MiB", values["peakMiB"]],
        ["models settled at the end", values["settled"]],
    ]
    return (
        f"## Restart of the API server with {values['models']:,} settled models\n"
        "Since the API server answered again; requests about the model that is made then are not counted.\n\n"
        + table(["what", ""], rows)
        + "\n"
        + _cpu("CPU seconds until quiet", [values["cpuSeconds"]])
    )


def _at_once(results: Results) -> str:
    sizes = {
        int(name.removeprefix("at-once ")): kept["values"]
        for name, kept in results.scenarios.items()
        if name.startswith("at-once ")
    }
    if not sizes:
        return ""
    rows, costs = [], []
    for size, runs in sorted(sizes.items()):
        operated, written = runs["operator"], runs["bare"]
        settled = [run["settledAfter"] for run in operated]
        rows.append(
            [
                size,
                len(operated),
                _spread(settled),
                _spread([run["readyAfter"] for run in written]),
                _spread([run["writtenAfter"] for run in written]),
                median(settled) / median(run["readyAfter"] for run in written),
                median(run["requestsAModel"] for run in operated),
                max(run["peakMiB"] for run in operated),
            ]
        )
        costs.append(_cpu(f"CPU seconds, {size:,} models, operator", [run["cpuSeconds"] for run in operated]))
        costs.append(_cpu(f"CPU seconds, {size:,} models, bare writer", [run["cpuSeconds"] for run in written]))
    concurrency = next(iter(sizes.values()))["bareConcurrency"]
    largest = sizes[max(sizes)]["operator"][-1]["requests"]["byKind"]
    kinds = [[name, times / max(sizes)] for name, times in largest.items()]
    return (
        "## Many at once: seconds until all are settled\n"
        f"The bare writer is a process that applies the same objects, {concurrency} requests at a time, and does\n"
        "nothing else: until all were written, and until all their pods were ready. Operator and writer take turns,\n"
        "each on a control plane of its own. The least, middle and greatest of the runs. CPU seconds are the middle\n"
        "of the runs; (elsewhere) is what others used of the machine, and where it is much, times mean little.\n\n"
        "KServe's manager, of earlier runs with KWOK, not of these: 100, 500 and 1,000 settled after 8.5,\n"
        "46 and 112 s, with 23 requests a model and 155 MB.\n\n"
        + table(
            [
                "models",
                "runs",
                "operator",
                "bare, pods ready",
                "bare, written",
                "operator / bare",
                "requests a model",
                "peak MiB",
            ],
            rows,
        )
        + f"\nThe operator's requests a model, of {max(sizes):,}:\n\n"
        + table(["request", "a model"], kinds)
        + "\n"
        + "\n".join(costs)
    )


def _cpu(title: str, runs: list[Object]) -> str:
    names = sorted({name for run in runs for name in run})
    return table([title, *names], [["", *(number(median(run.get(name, 0.0) for run in runs)) for name in names)]])


def _quantiles(found: Object) -> Iterator[object]:
    yield from (found["count"], found["p50"], found["p99"])


def _rounds(found: Object) -> Iterator[str]:
    for name in ("p50", "p99"):
        values = found["rounds"][name]
        yield " / ".join(number(values[part]) for part in ("min", "median", "max"))


def _spread(values: list[float]) -> str:
    found = spread(values)
    if len(values) == 1:
        return number(found["median"])
    return " / ".join(number(found[name]) for name in ("min", "median", "max"))


SECTIONS: Final[dict[str, Callable[[Object], str]]] = {
    "idle": _idle,
    "edit": _edit,
    "drift": _drift,
    "restart": _restart,
    "rest": _rest,
    "api-restart": _api_restart,
}
