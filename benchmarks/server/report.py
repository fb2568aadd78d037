"""The section of the page that is made of results. Pure."""

from collections.abc import Sequence
from typing import Final

from benchmarks.results import Object, Results
from benchmarks.server.bounds import BOUNDS, PEERS, Bound
from benchmarks.server.figures import Of, rounds, spread_of
from benchmarks.server.model_section import model_section, shown_three
from benchmarks.server.models import MODELS
from benchmarks.server.ratios import RULE, Comparison, Verdict, measured
from benchmarks.server.servers import OURS, SERVERS
from benchmarks.tables import number, table

HEAD: Final = """# Benchmarks of the server

Made by `make bench-server`; no number here is typed by hand. A server has one core to itself, with all its threads and
processes, and the load tool has another: wrk for HTTP/1.1, h2load for gRPC, one request in flight on each of c
connections, the same request again and again. Every server is real and unmodified, with one thread for ONNX Runtime,
and its answers to different requests sent at once are compared with those of raw ONNX Runtime before and after each
load; a load in which a request failed, or got a gRPC status other than OK, is no result. Servers take turns, and each
turn begins with ONNX Runtime alone on the same core: a loop of calls with a batch of 1, and one with a batch of 32.
Every ratio is of one turn. Where there are three values they are the least, the middle and the greatest of the turns.

Our server runs as it is shipped: with metrics, limits and deadlines.
"""

PROCESS: Final = {
    "PSS, MB": "pssMB",
    "PSS after the loads, MB": "pssAfterLoadsMB",
    "RSS, MB": "rssMB",
    "exec to ready, s": "readyAfter",
}

UNMEASURED: Final = """## What is not measured
- A network: clients and servers share a machine, over the loopback interface.
- More than one core for a server, accelerators, TLS.
- perf_analyzer: it asks for a model's configuration, which KServe does not give over gRPC; h2load asks all alike.
- PSS counts a page that the benchmark's own Python shares with a server by halves; RSS counts it in full.
"""


def section(results: Results) -> str:
    """Return the section, with a part for each model that was played."""
    parts = [HEAD, _machine(results), _must_reach(results)]
    parts += [model_section(results, model) for model in MODELS]
    return "\n".join(part for part in [*parts, _process(results), _kept(results), UNMEASURED] if part)


def compared(comparisons: Sequence[Comparison]) -> str:
    """Return the table of a quick run."""
    rows = [
        [found.name, shown_three(found.now), shown_three(found.committed), _emphasised(found.verdict)]
        for found in comparisons
    ]
    return table(["ratio", "now", "committed", ""], rows)


def _emphasised(verdict: Verdict) -> str:
    return verdict.value if verdict is Verdict.HELD else f"**{verdict.value}**"


def _machine(results: Results) -> str:
    newest = max(results.scenarios.values(), key=lambda kept: str(kept["at"]), default=None)
    if newest is None:
        return ""
    machine = newest["machine"]
    seconds = newest["values"]["seconds"]
    settings = [
        [name, _version(results, name), server.about, _lacks(results, name)]
        for name, server in SERVERS.items()
        if _version(results, name)
    ]
    return f"""## Machine and servers
{machine["cores"]} cores ({machine["cpu"]}), {machine["memoryGiB"]} GiB of memory, Linux {machine["kernel"]}, Python
{machine["python"]}. A load lasts {seconds} s, after a shorter one that is not counted; four times
as long for a server that is so slow that few of its answers would fit.

{table(["server", "version", "settings", "cannot be asked"], settings)}
When, and at which commit: {_when(results)}. Others used {elsewhere(results)} cores of
the machine meanwhile; where that is much, nothing here means much.
"""


def elsewhere(results: Results) -> str:
    """Return how many cores others used while it was measured."""
    turns = [made for kept in results.scenarios.values() for made in kept["values"]["rounds"]]
    return shown_three(spread_of([made["elsewhere"] for made in turns]))


def _when(results: Results) -> str:
    commits: dict[str, list[str]] = {}
    for kept in results.scenarios.values():
        commits.setdefault(kept["commit"], []).append(kept["at"])
    return "; ".join(f"{commit}, until {max(times)}" for commit, times in commits.items())


def _of_server(results: Results, server: str) -> list[Object]:
    return [values for model in MODELS if (values := results.of(f"{model} {server}")) is not None]


def _version(results: Results, server: str) -> str:
    found = _of_server(results, server)
    return str(found[0]["version"]) if found else ""


def _lacks(results: Results, server: str) -> str:
    lacks = {way: why for values in _of_server(results, server) for way, why in values["lacks"].items()}
    return "; ".join(f"{way}: {why}" for way, why in lacks.items()) or "-"


def _must_reach(results: Results) -> str:
    rows = [
        [
            bound.title,
            shown_three(spread_of(bound.figure.of(results, OURS))),
            _limit(bound, bound.must),
            _verdict(bound.must_met(results), bound.value(results), due=True),
            _limit(bound, bound.goal),
            _verdict(bound.goal_met(results), bound.value(results), due=False),
            *(_of_peer(*bound.of_peer(results, peer)) for peer in PEERS),
            bound.before or "-",
        ]
        for bound in BOUNDS
    ]
    head = ["what", "measured", "must", "", "goal", "", *PEERS, "measured before"]
    return f"""## Must reach
{table(head, rows)}
Peers are shown in the way in which they did best, which is named where it is not ours.
"""


def _of_peer(value: float | None, way: str) -> str:
    return f"{number(value)} ({way})" if way else number(value)


def _limit(bound: Bound, limit: float) -> str:
    return f"{'≤' if bound.at_most else '≥'} {number(limit)} {bound.unit}".rstrip()


def _verdict(met: bool | None, value: float | None, *, due: bool) -> str:
    if value is None:
        return "not measured"
    if met is None:
        return "not known: peers not measured"
    return "met" if met else "**NOT MET**" if due else "not met"


def _process(results: Results) -> str:
    """Return what the processes hold and how soon they are ready, with the tiny model."""
    rows = [
        [name, *(shown_three(spread_of(Of("tiny", what).of(results, name))) for what in PROCESS.values())]
        for name in SERVERS
        if rounds(results, "tiny", name)
    ]
    if not rows:
        return ""
    return f"""## Memory and start, with the tiny model
Memory is of the server with all its processes: once it has answered the first requests, and after all loads. Ready is
the first 200 of both `/v2/health/ready` and the model's own, since exec, with files in the page cache.

{table(["server", *PROCESS], rows)}"""


def _kept(results: Results) -> str:
    """Return the ratios that are kept to be compared with, and the rule."""
    rows = [[name, shown_three(values)] for name, values in measured(results).items()]
    if not rows:
        return ""
    return f"""## What a quick run compares
`make bench-server QUICK=1` measures these anew, three turns of our server alone, and compares them with
`benchmarks/server/ratios.json`. {RULE}

{table(["ratio", "measured"], rows)}"""
