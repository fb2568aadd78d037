"""Rounds: servers take turns, and each of their turns begins with ONNX Runtime alone on the same core."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.results import Object
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.loads import Load
from benchmarks.server.memory import memory
from benchmarks.server.process import Running, running, tail
from benchmarks.server.servers.server import Server
from benchmarks.server.subject import Subject
from benchmarks.server.ways import Way
from tests.cluster.errors import ClusterError
from tests.cluster.progress import note, step

Failed = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured: seconds are of one load; ONNX Runtime alone gets as long for both batches together."""

    rounds: int = 3
    seconds: int = 4
    warm_up: int = 1
    concurrencies: tuple[int, ...] = (1, 8, 32, 64)


QUICK: Final = Plan(rounds=3, seconds=2, warm_up=1)


def play(
    subject: Subject, servers: Sequence[Server], ways: Sequence[Way], plan: Plan, failed: Failed
) -> dict[str, Object]:
    """Return by server what was measured with one model.

    `version`, `lacks`, `seconds` and `rounds`: one object a round with `raw`, `readyAfter` (s), `pssMiB`, `rssMiB` and
    `loads`, by way and connections. A server that fails is told to `failed` and has no further turn.
    """
    measured: dict[str, Object] = {
        server.name: {"version": server.version(), "lacks": dict(server.lacks()), "seconds": plan.seconds, "rounds": []}
        for server in servers
    }
    left = list(servers)
    for number in range(plan.rounds):
        for server in _turned(left, number):
            title = f"{subject.model.name}, {server.name}, round {number + 1} of {plan.rounds}"
            try:
                with step(title):
                    measured[server.name]["rounds"].append(_turn(subject, server, ways, plan))
            except (BenchmarkError, ClusterError) as error:
                failed(f"{title}: {error}")
                left.remove(server)
    return {name: values for name, values in measured.items() if values["rounds"]}


def _turned(servers: Sequence[Server], number: int) -> list[Server]:
    """Return the servers in an order in which another one is the first each time."""
    return [servers[(place + number) % len(servers)] for place in range(len(servers))]


def _turn(subject: Subject, server: Server, ways: Sequence[Way], plan: Plan) -> Object:
    raw = subject.raw(plan.seconds / 2)
    folder = subject.folder / server.name
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    name = subject.model.name
    spoken = [way for way in ways if way.name not in server.lacks()]
    with running(server.command(name, subject.file, folder), name, log) as process:
        try:
            sizes = {way: way.check(subject) for way in spoken}
            held = memory(process.pid)
            loads = {case: load.shown() for case, load in _loads(subject, sizes, plan)}
        except (BenchmarkError, OSError) as error:
            raise BenchmarkError(f"{error}\nThe end of its log:\n{tail(log)}") from error
        return {"raw": raw, "loads": loads, **_held(process, held.pss, held.rss, memory(process.pid).pss)}


def _held(process: Running, pss: float, rss: float, pss_after: float) -> Object:
    return {
        "readyAfter": round(process.ready_after, 3),
        "pssMiB": round(pss, 1),
        "rssMiB": round(rss, 1),
        "pssAfterLoadsMiB": round(pss_after, 1),
    }


def _loads(subject: Subject, sizes: Mapping[Way, int], plan: Plan) -> Iterator[tuple[str, Load]]:
    for way, size in sizes.items():
        for connections in plan.concurrencies:
            way.load(subject, size, connections, plan.warm_up)
            load = way.load(subject, size, connections, plan.seconds)
            way.check(subject)
            note(f"  {way.name}, {connections}: {load.per_second:,.0f} a second, p99 {load.p99:.2f} ms")
            yield f"{way.name} {connections}", load
