"""The section of the page that is made of results. Pure."""

from typing import Any, Final

from benchmarks.quantiles import spread
from benchmarks.results import Object, Results
from benchmarks.tables import number, table

HTTP_DRAIN, GRPC_DRAIN, REQUESTS, FRAMES = "drain http", "drain grpc", "malformed requests", "malformed frames"

TIMED_OUT: Final = 504
"""Of the request's own timeout: the fuzzer takes it for nothing else."""

MOST_GROWTH_MIB: Final = 32
"""As in the contract tests: what an allocator may keep of the largest requests."""

HEAD: Final = """# Drain and malformed requests

Made by `make bench-endurance`; no number here is typed by hand. One server process and its clients, on the loopback
interface, as in the contract tests, which are shorter.

**Drain**: clients that never retry ask all the time; SIGTERM comes after a second. For another second new connections
come, as until a Service has noticed. Over HTTP a quarter of the clients keep their connection, a quarter pipeline
four requests each time, a quarter send slowly, and a quarter connect anew for each request. Over gRPC they
make one call after the other, eight at a time, over a new channel each time, or stream, one message or eight ahead;
another server takes over behind the same address. A request is lost that has no whole, right answer.

**Malformed**: requests made from good ones by one to three accidents each, in JSON, binary and headers, and frames of
HTTP/2 with wrong bytes, lengths, flags and order. Every hundredth is a good one, whose answer has to be what it was at
first. The run ends at the first answer that is none of 200, 400, 413 and 415 (or 504, of a request whose own timeout
became a microsecond), takes 5 seconds, or is wrong.
"""


def section(results: Results) -> str:
    """Return the section; the head alone if nothing was measured."""
    parts = [HEAD]
    if kept := next(iter(results.scenarios.values()), None):
        parts += [_machine(kept), _must_reach(results), _drains(results), _malformed(results)]
    return "\n".join(parts)


def _machine(kept: Object) -> str:
    machine = kept["machine"]
    return f"""## Machine
{machine["cores"]} cores ({machine["cpu"]}), {machine["memoryGiB"]} GiB of memory, Linux {machine["kernel"]}, Python
{machine["python"]}; server and clients share them. At commit {kept["commit"]}, {kept["at"]}.
"""


def _must_reach(results: Results) -> str:
    rows: list[list[Any]] = []
    for name, what in ((HTTP_DRAIN, "HTTP"), (GRPC_DRAIN, "gRPC")):
        drains = _drains_of(results, name)
        lost = sum(drain["lost"] for drain in drains)
        asked = sum(drain["requests"] for drain in drains)
        rows.append([f"lost in drains, {what}", f"{number(lost)} of {number(asked)}", "0", _verdict(lost == 0)])
    if fuzz := results.of(REQUESTS):
        wrong = {status for status in fuzz["statuses"] if int(status) >= 500 and int(status) != TIMED_OUT}
        rows.append(["malformed requests answered with 5xx", len(wrong), "0", _verdict(not wrong)])
        rows.append(_growth("malformed requests", fuzz))
    if frames := results.of(FRAMES):
        rows.append(["malformed frames: errors uncaught", frames["escaped"], "0", _verdict(not frames["escaped"])])
        rows.append(_growth("malformed frames", frames))
    return f"## Must reach\n{table(['what', 'measured', 'must', ''], rows)}"


def _growth(what: str, found: Object) -> list[Any]:
    grown = found["growthKib"] / 1024
    return [f"{what}: memory grows, MiB", grown, f"≤ {MOST_GROWTH_MIB}", _verdict(grown <= MOST_GROWTH_MIB)]


def _verdict(met: bool) -> str:
    return "met" if met else "**NOT MET**"


def _drains(results: Results) -> str:
    rows = []
    for name, what in ((HTTP_DRAIN, "HTTP"), (GRPC_DRAIN, "gRPC")):
        if drains := _drains_of(results, name):
            after = [drain["after"] for drain in drains if "after" in drain]
            rows.append(
                [
                    what,
                    len(drains),
                    drains[0]["clients"],
                    _three([drain["requests"] for drain in drains]),
                    _three(after) if after else None,
                    sum(drain["lost"] for drain in drains),
                    _three([drain["seconds"] for drain in drains]),
                ]
            )
    head = ["clients", "drains", "clients each", "requests", "of these after SIGTERM", "lost", "SIGTERM to the end, s"]
    return f"## Drains\nThe least, the middle and the greatest of the drains.\n\n{table(head, rows)}"


def _drains_of(results: Results, name: str) -> list[Object]:
    found = results.of(name)
    return [] if found is None else list(found["drains"])


def _malformed(results: Results) -> str:
    rows = []
    if fuzz := results.of(REQUESTS):
        statuses = ", ".join(f"{number(count)} x {status}" for status, count in fuzz["statuses"].items())
        memory = f"{fuzz['residentKib'] / 1024:.0f} {fuzz['growthKib'] / 1024:+.1f}"
        rows.append(["requests", fuzz["seconds"], number(fuzz["requests"]), statuses, fuzz["slowest"] * 1000, memory])
    if frames := results.of(FRAMES):
        memory = f"{frames['growthKib'] / 1024:+.1f}"
        rows.append(["connections of HTTP/2", frames["seconds"], number(frames["connections"]), None, None, memory])
    return f"## Malformed\n{table(['what', 'seconds', 'how many', 'answers', 'slowest, ms', 'memory, MiB'], rows)}"


def _three(values: list[float]) -> str:
    found = spread(values)
    return " / ".join(number(found[which]) for which in ("min", "median", "max"))
