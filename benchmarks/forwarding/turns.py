"""Turns: both pods anew, and in each way all weights one after the other."""

from dataclasses import dataclass
from typing import Final

from benchmarks.forwarding.pods import Pods, pods
from benchmarks.results import Object
from benchmarks.server.activity import Watch, wait_until_idle
from benchmarks.server.rounds import Plan
from benchmarks.server.subject import Subject
from benchmarks.server.ways import BINARY, GRPC, Way
from tests.cluster.progress import note, step

WAYS: Final[tuple[Way, ...]] = (BINARY, GRPC)


@dataclass(frozen=True)
class Case:
    """One load: percent that are forwarded, and connections that ask."""

    weight: int
    connections: int

    @property
    def name(self) -> str:
        """What results call it, such as `5 % 32`."""
        return f"{self.weight} % {self.connections}"


LOCAL, FORWARDED = Case(0, 1), Case(100, 1)
BUSY: Final = (Case(0, 32), Case(5, 32), Case(50, 32))
CASES: Final = (LOCAL, FORWARDED, *BUSY)


def play(subject: Subject, plan: Plan) -> Object:
    """Return `seconds` of a load and `rounds`: one object each, with `elsewhere` (cores) and `loads` by way and case.

    A load has what Load shows, and `candidate`, the pod's own counts. Raises BenchmarkError if an answer is wrong.
    """
    turns = []
    for number in range(plan.rounds):
        with step(f"forwarding, round {number + 1} of {plan.rounds}"):
            watch = Watch()
            with pods(subject) as both:
                loads = {
                    f"{way.name} {case.name}": _load(subject, both, way, case, plan) for way in WAYS for case in CASES
                }
            turns.append({"elsewhere": round(watch.elsewhere(), 3), "loads": loads})
    return {"seconds": plan.seconds, "rounds": turns}


def _load(subject: Subject, both: Pods, way: Way, case: Case, plan: Plan) -> Object:
    both.split(0)
    size = way.check(subject)
    wait_until_idle(both.pid)
    # Under this split, so that connections to the candidate are there and the pod knows its own times.
    both.split(case.weight)
    way.load(subject, size, case.connections, plan.warm_up)
    both.split(case.weight)  # counts from 0
    load = way.load(subject, size, case.connections, plan.seconds)
    candidate = both.control.candidate()
    way.check(subject)
    note(f"  {way.name}, {case.name}: {load.per_second:,.0f} a second, p50 {load.p50:.2f} ms, p99 {load.p99:.2f} ms")
    return {**load.shown(), "answers": load.answers, "candidate": candidate}
