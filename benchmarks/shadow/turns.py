"""Short loads under two states of the pod, in turn: what drifts on the machine meanwhile moves both alike.

A pause of the whole machine of ten milliseconds is a hundredth of a second, and so the 99th percentile of all that is
asked in it. So loads are short, there are many of them, and each is compared with the one beside it: of the ratios the
few that met such a pause are left out. Loads that are compared last equally long: a longer one has met more of the
pauses. A pod copies so seldom that only some of the loads with copies have one, of which a mean hears, and a median
would not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, Literal

from benchmarks.forwarding.pods import Pods, pods
from benchmarks.results import Object
from benchmarks.server import subject
from benchmarks.server.activity import Watch, wait_until_idle
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.loads import Load
from benchmarks.server.messages import binary
from benchmarks.server.models import MODELS
from benchmarks.server.places import GRPC_PORT, HTTP_PORT
from benchmarks.server.rounds import Plan
from benchmarks.server.subject import Subject
from benchmarks.server.ways import BINARY, GRPC, Way
from benchmarks.shadow.paced import Paced
from benchmarks.shadow.talks import GrpcTalk, HttpTalk
from tests.cluster.progress import step

State = Literal["none", "split", "shadow"]
"""No split; a split that forwards nothing and copies nothing; the same with copies of PERCENT %."""

PERCENT: Final = 20
WAYS: Final[tuple[Way, ...]] = (BINARY, GRPC)
STEPS: Final[tuple[tuple[State, State], ...]] = (("none", "split"), ("split", "shadow"))
"""What is compared: what a split adds, and what copies add to that. Without a split a course is over, and the next one
has the fast copies of its beginning, so that no split and copies are not compared with each other."""
CONNECTIONS: Final = 8
FIRST: Final = 200
"""So many copies of a course go faster than the others (docs/contract.md)."""
PATIENCE: Final = 60
"""Rounds in which that many have to be compared."""
PACE: Final = 0.5
"""A paced load has so much of what the pod answered without a split when it had no pause..."""
FASTEST: Final = 8000.0
"""... but no more than the load tool can ask for without being late itself, in requests a second."""
SHORTER: Final = 2
"""Paced loads are so many times shorter, and as many times as many: unlike a load tool they do not begin anew."""
LONGER: Final = 4
"""Where copies are looked for, loads last so many times as long, so that more of them have one."""


@dataclass(frozen=True)
class Case:
    """Loads of one model: without a pause, and then paced."""

    model: str

    @property
    def busy(self) -> str:
        """What results call the load without a pause."""
        return f"{self.model}, {CONNECTIONS} connections without a pause"

    @property
    def paced(self) -> str:
        """What results call the paced one."""
        return f"{self.model}, paced"

    @property
    def names(self) -> tuple[str, str]:
        """Both."""
        return self.busy, self.paced


CASES: Final = (Case("tiny"), Case("middle"))

Round = Callable[[Sequence[State]], dict[State, Load]]
"""Loads the pod under each of these states, in this order."""


def play(folder: Path, plan: Plan) -> Object:
    """Return `seconds` of a load, `elsewhere` (cores that others used) and `loads` by way and case.

    Each of these has `steps`, for each of STEPS the loads under either state as Load shows them, and `copies`, what the
    pod counted in the loads with copies. Raises BenchmarkError if an answer is wrong.
    """
    watch = Watch()
    loads: dict[str, Object] = {}
    for case in CASES:
        of = subject.made(subject.fitted(MODELS[case.model]), _made(folder / case.model))
        with pods(of, candidate_yields=True) as both:
            for way in WAYS:
                size = way.check(of)
                loads |= _of_way(of, both, way, case, plan, size)
                way.check(of)
    return {"seconds": plan.seconds, "elsewhere": round(watch.elsewhere(), 3), "loads": loads}


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _of_way(of: Subject, both: Pods, way: Way, case: Case, plan: Plan, size: int) -> dict[str, Object]:
    name = f"{way.name} {case.busy}"
    with step(f"shadow, {name}"):
        busy = _compared(both, lambda states: _busy_round(of, both, way, plan.seconds, size, states), plan.rounds)
    rate = min(FASTEST, PACE * median(load["perSecond"] for load in busy["steps"][0]["none"]))
    paced_name = f"{way.name} {case.paced}"
    with step(f"shadow, {paced_name}"), _paced(of, way, size) as connected:
        seconds, rounds = plan.seconds / SHORTER, plan.rounds * SHORTER
        paced = _compared(both, lambda states: _paced_round(both, connected, rate, seconds, states), rounds)
    return {name: busy, paced_name: paced}


def _busy_round(
    of: Subject, both: Pods, way: Way, seconds: int, size: int, states: Sequence[State]
) -> dict[State, Load]:
    loads = {}
    for state in states:
        _apply(both, state)
        loads[state] = way.load(of, size, CONNECTIONS, _times(states) * seconds)
    return loads


def _paced_round(
    both: Pods, connected: Paced, rate: float, seconds: float, states: Sequence[State]
) -> dict[State, Load]:
    loads = {}
    for state in states:
        _apply(both, state)
        times = range(_times(states))  # at the same moments in each, so that none has longer queues by chance
        taken = [each for _ in times for each in connected.load(rate, seconds)]
        loads[state] = Load.of(taken, len(times) * seconds)
    return loads


def _times(states: Sequence[State]) -> int:
    return LONGER if "shadow" in states else 1


def _paced(of: Subject, way: Way, size: int) -> Paced:
    if way is GRPC:
        frame = (of.folder / "frame").read_bytes()  # the load without a pause has made it
        return Paced(lambda: GrpcTalk(frame, size), GRPC_PORT)
    message, path = binary(of.inputs[:1]), f"/v2/models/{of.model.name}/infer"
    return Paced(lambda: HttpTalk(path, message), HTTP_PORT)


def _compared(both: Pods, play_round: Round, rounds: int) -> Object:
    """Return the loads of each step: under both states, and the other one first each time."""
    steps: list[dict[State, list[Object]]] = []
    copies: Object = {}
    for states in STEPS:
        found: dict[State, list[Object]] = {state: [] for state in states}
        for state in states:
            _warm_up(both, play_round, state)
        before = both.control.copies()
        for number in range(rounds):
            loads = play_round(turned(states, number))
            for state in states:
                found[state].append(loads[state].shown())
        steps.append(found)
        copies = _since(before, both.control.copies())
    both.split(0)
    return {"steps": steps, "copies": copies}


def turned(states: tuple[State, State], number: int) -> tuple[State, State]:
    """Return in which order a round of this number has two states; it begins with what the one before ended with."""
    return states if number % 2 else (states[1], states[0])


def _apply(both: Pods, state: State) -> None:
    both.split(0, PERCENT if state == "shadow" else 0, observed=state != "none")


def _warm_up(both: Pods, play_round: Round, state: State) -> None:
    """Use up what copies may take at the beginning of a course: what is measured is how it goes on."""
    wait_until_idle(both.pid)
    for _ in range(PATIENCE):
        play_round((state,))
        copies = both.control.copies()
        if state != "shadow" or copies["compared"] >= FIRST:
            return
    raise BenchmarkError(f"of the first copies only {copies['compared']} were compared: {copies}")


def _since(before: Object, now: Object) -> Object:
    dropped = {reason: count - before["dropped"][reason] for reason, count in now["dropped"].items()}
    return {**{name: now[name] - before[name] for name in ("sampled", "compared")}, "dropped": dropped}
