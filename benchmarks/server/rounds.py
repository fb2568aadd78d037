"""Rounds: servers take turns, and each of their turns begins with ONNX Runtime alone on the same core."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.results import Object
from benchmarks.server.activity import Watch, wait_until_idle
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.loads import Load
from benchmarks.server.memory import memory
from benchmarks.server.process import running, tail
from benchmarks.server.servers.server import Server
from benchmarks.server.subject import Subject
from benchmarks.server.ways import Case
from tests.cluster.errors import ClusterError
from tests.cluster.progress import note, step

Failed = Callable[[str], None]

SLOW: Final = 2
"""Answers a connection while warming up; with fewer, a load lasts longer, or what is cut off at its end would count."""
LONGER: Final = 4


@dataclass(frozen=True)
class Plan:
    """How much is measured; seconds are of one load, and of ONNX Runtime alone with both batches together."""

    rounds: int
    seconds: int
    warm_up: int = 1


def play(
    subject: Subject, servers: Sequence[Server], cases: Sequence[Case], plan: Plan, failed: Callable[[str], None]
) -> dict[str, Object]:
    """Return by server what was measured with one model.

    `about` (the model), `version`, `lacks`, `seconds` and `rounds`: one object a round with `raw`, `rawBusy` (the other
    core had work meanwhile), `readyAfter` (s), `pssMB`, `rssMB`, `pssAfterLoadsMB`, `elsewhere` (cores that others
    used) and `loads` by case. A server that fails is told to `failed` and has no further turn.
    """
    measured: dict[str, Object] = {
        server.name: {
            "about": subject.model.about,
            "version": server.version(),
            "lacks": dict(server.lacks()),
            "seconds": plan.seconds,
            "rounds": [],
        }
        for server in servers
    }
    left = list(servers)
    for number in range(plan.rounds):
        for server in _turned(left, number):
            title = f"{subject.model.name}, {server.name}, round {number + 1} of {plan.rounds}"
            try:
                with step(title):
                    measured[server.name]["rounds"].append(_turn(subject, server, cases, plan))
            except (BenchmarkError, ClusterError) as error:
                failed(f"{title}: {error}")
                left.remove(server)
    return {name: values for name, values in measured.items() if values["rounds"]}


def _turned(servers: Sequence[Server], number: int) -> list[Server]:
    """Return the servers in an order in which another one is the first each time."""
    return [servers[(place + number) % len(servers)] for place in range(len(servers))]


def _turn(subject: Subject, server: Server, cases: Sequence[Case], plan: Plan) -> Object:
    watch = Watch()
    raw, busy = subject.raw(plan.seconds / 2), subject.raw(plan.seconds / 2, busy=True)
    folder = subject.folder / server.name
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    name = subject.model.name
    spoken = [case for case in cases if case.way.name not in server.lacks()]
    with running(server.command(name, subject.file, folder), name, log) as process:
        try:
            sizes = {way: way.check(subject) for way in dict.fromkeys(case.way for case in spoken)}
            held = memory(process.pid)
            loads = {case.name: _load(subject, case, process.pid, sizes[case.way], plan).shown() for case in spoken}
        except (BenchmarkError, ClusterError) as error:
            raise BenchmarkError(f"{error}\nThe end of its log:\n{tail(log)}") from error
        held_after = memory(process.pid)
    return {
        "raw": raw,
        "rawBusy": busy,
        "readyAfter": round(process.ready_after, 3),
        "pssMB": round(held.pss, 1),
        "rssMB": round(held.rss, 1),
        "pssAfterLoadsMB": round(held_after.pss, 1),
        "elsewhere": round(watch.elsewhere(), 3),
        "loads": loads,
    }


def _load(subject: Subject, case: Case, pid: int, size: int, plan: Plan) -> Load:
    wait_until_idle(pid)
    warmed = case.way.load(subject, size, case.connections, plan.warm_up)
    slow = warmed.answers < SLOW * case.connections
    wait_until_idle(pid)
    load = case.way.load(subject, size, case.connections, plan.seconds * (LONGER if slow else 1))
    case.way.check(subject)
    note(f"  {case.name}: {load.per_second:,.0f} a second, p99 {load.p99:.2f} ms")
    return load
