"""All that can happen to a rollout, in every order, to a bounded depth: what must hold does, and it ends as it should.

Each situation of a rollout is a beginning. From there every sequence of events is tried; what leads to the same cluster
is tried once. From every cluster that comes of it, once everybody does their work, the end must be the right one.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onnx_operator.decide.plan import Plan
from onnx_operator.decide.roles import asks, plan
from onnx_operator.decide.rollout.sight import pinned
from onnx_operator.decide.rollout.steps import steps_of
from tests.unit.operator.situations import name_of, spec
from tests.unit.operator.small_cluster import SmallCluster, SmallPod, clients, kubelets, serving

Object = dict[str, Any]
Change = Callable[[SmallCluster], SmallCluster]

CANARY: Object = {"steps": [{"weight": 25}, {"pause": {}}], "stepSeconds": 10, "scaleDownDelaySeconds": 20}
V1, V2, V3 = (name_of(spec(f"s3://m/{n}")) for n in (1, 2, 3))


@dataclass(frozen=True)
class Event:
    """Something that happens. ``fault``: a candidate may be taken back for it."""

    change: Change
    fault: bool = False


def look(cluster: SmallCluster, until: str = "scales") -> SmallCluster:
    """Let the operator look; whatever it does, clients keep their ready pods, and nothing is forwarded to the dead."""
    after, _ = looked(cluster, until)
    return after


def looked(cluster: SmallCluster, until: str = "scales") -> tuple[SmallCluster, Plan]:
    before = ready(cluster, cluster.entry)
    after, made = cluster.reconciled(until)
    strategy = cluster.asked.rollout
    excused = strategy.strategy == "Recreate" or strategy.capacity.whenNoCapacity == "ShrinkStable"
    needed = cluster.asked.scaling.minReplicas
    assert excused or ready(after, after.entry) >= min(needed, before), "clients lost ready pods"
    assert not (lost := left_in_the_lurch(cluster, after)), f"pods forward to {lost}, which goes down"
    assert not (slipped := slipped_through(cluster, after, made)), f"{slipped} went on without enough evidence"
    for planned in made.revisions:
        rejected, name = planned.revision.rejected, planned.revision.name
        assert not (rejected and name != made.stable and planned.replicas > dict(cluster.replicas).get(name, 0))
    return after, made


def left_in_the_lurch(before: SmallCluster, after: SmallCluster) -> list[str]:
    """Return what was scaled to 0 in a look although ready pods that can hear forward to it by order."""
    if after.mute:
        return []
    goes = {name for name, count in before.replicas if count and not dict(after.replicas)[name]}
    standing = [p for _, there in after.pods for p in there if p.stage == "ready"]
    return sorted({p.told.revision for p in standing if p.told and p.told.revision and p.told.weight} & goes)


def slipped_through(before: SmallCluster, after: SmallCluster, made: Plan) -> list[str]:
    """Return what left a step with a shadow though too few copies were compared, and nobody had said that it may."""
    known = {r.name: r.rollout for r in before.revisions}
    compared = sum(p.copies for p in before.there(before.entry or "") if p.stage == "ready")
    found = []
    for revision in after.revisions:
        was, now = known.get(revision.name), revision.rollout
        if was is None or now is None or now.fast or now.over or was.started_at != now.started_at:
            continue
        steps = steps_of(pinned(was))
        copies = 0 <= was.step < len(steps) and steps[was.step].shadow is not None and not was.paused
        may = pinned(was).analysis.whenInconclusive == "Promote" or compared >= 100
        if copies and now.step > was.step and not may:
            found.append(revision.name)
    return found


def ready(cluster: SmallCluster, name: str | None) -> int:
    return sum(p.stage == "ready" for p in cluster.there(name or ""))


def coming(cluster: SmallCluster) -> str | None:
    """Return the revision with pods that the entry does not lead to."""
    return next((name for name, there in cluster.pods if there and name != cluster.entry), None)


def first(
    cluster: SmallCluster, name: str | None, stage: str | None, change: Callable[[SmallPod], SmallPod]
) -> SmallCluster:
    """Change the first pod of a revision that is in a stage."""
    chosen = next((p for p in cluster.there(name or "") if stage in {None, p.stage}), None)
    return cluster.changed(name or "", lambda p: change(p) if p == chosen else p)


def dies(cluster: SmallCluster, name: str | None) -> SmallCluster:
    """One pod goes, and its controller makes another one."""
    born = cluster.born + 1
    made = first(cluster, name, None, lambda p: SmallPod(f"{name}-{born}"))
    return replace(made, born=born)


def forgotten(cluster: SmallCluster) -> SmallCluster:
    """Somebody deletes the ControllerRevision of what comes; it is read back from its Deployment, without its facts."""
    name = coming(cluster)
    lost = tuple(
        replace(r, rollout=None, rejected=None, promoted_at=None) if r.name == name else r for r in cluster.revisions
    )
    return replace(cluster, revisions=lost)


def asked(uri: str) -> Change:
    return lambda cluster: replace(cluster, asked=cluster.asked.model_copy(update={"model": spec(uri).model}))


def rerouted(cluster: SmallCluster) -> SmallCluster:
    """Somebody else is to split from now on, or our pods again."""
    other = {"InServer": "External", "External": "InServer"}[cluster.asked.routing.provider]
    routing = spec(routing={"provider": other}).routing
    return replace(cluster, asked=cluster.asked.model_copy(update={"routing": routing}))


def annotated(action: str, revision: str) -> Change:
    return lambda cluster: replace(cluster, action=f"{action}@{revision}#1")


EVENTS: dict[str, Event] = {
    "a look": Event(look),
    "killed after the facts": Event(lambda c: look(c, "facts")),
    "killed after the orders": Event(lambda c: look(c, "orders")),
    "pods come up": Event(kubelets),
    "3 seconds": Event(lambda c: c.later(3)),
    "12 seconds": Event(lambda c: c.later(12), fault=True),
    "a candidate cannot start": Event(
        lambda c: first(c, coming(c), "new", lambda p: replace(p, stage="bad")), fault=True
    ),
    "a candidate restarts": Event(
        lambda c: first(c, coming(c), "ready", lambda p: replace(p, restarts=p.restarts + 1)), fault=True
    ),
    "a candidate's pod dies": Event(lambda c: dies(c, coming(c))),
    "a stable pod dies": Event(lambda c: dies(c, c.entry)),
    "clients ask": Event(clients),
    "requests fail": Event(lambda c: clients(c, failed=200), fault=True),
    "outputs are wrong": Event(lambda c: clients(c, wrong=900), fault=True),
    "pods are deaf": Event(lambda c: replace(c, mute=True), fault=True),
    "no room": Event(lambda c: replace(c, full=True)),
    "the facts are lost": Event(forgotten),
    "the spec goes back": Event(asked("s3://m/1")),
    "the second version": Event(asked("s3://m/2")),
    "a third version": Event(asked("s3://m/3")),
    "the provider changes": Event(rerouted),
    "abort": Event(annotated("abort", V2), fault=True),
    "pause": Event(annotated("pause", V2)),
    "resume": Event(annotated("resume", V2)),
    "promote": Event(annotated("promote", V2)),
    "retry": Event(annotated("retry", V2)),
    "rollback": Event(annotated("rollback", V1), fault=True),
}


# So many events after one another are tried, in every order.
DEPTH = 3


@functools.cache
def beginnings() -> dict[str, SmallCluster]:
    """Return the cluster as it is when each phase of a rollout has just begun, and within it."""
    cluster = asked("s3://m/2")(serving(2, CANARY))
    found: dict[str, SmallCluster] = {"asked": cluster}
    for _ in range(40):
        cluster, made = looked(cluster)
        state = made.rollout
        name = (
            f"{state.phase} {state.progress} {state.weight}" if state else ("preflight" if made.candidate else "rest")
        )
        found.setdefault(name, cluster)
        found.setdefault("preflight", cluster)
        cluster = clients(kubelets(cluster).later(3))
        found.setdefault(f"{name}, later", cluster)
        if state and state.phase == "Paused":
            cluster = annotated("resume", V2)(cluster)
    broken = look(clients(look(look(found["Progressing 1/3 25"].later(1))), failed=200))
    found["taken back"] = broken
    assert plan(broken.observed()).planned(V2).revision.rejected
    return found


def test_the_beginnings_are_all_the_phases() -> None:
    phases = {name.split()[0] for name in beginnings()}
    assert phases >= {"asked", "preflight", "Progressing", "Paused", "HandingOver", "rest", "taken"}


class Exploration:
    """Tries everything. ``seen`` are the clusters that were, with what may be said against the candidate in them.

    ``makes_room``: it ends well even in a full cluster.
    """

    def __init__(self, makes_room: bool = False) -> None:
        self.makes_room = makes_room
        self.seen: dict[tuple[str, bool], int] = {}
        self.ended: set[tuple[str, bool]] = set()
        self.looks = 0

    def explore(self, cluster: SmallCluster, depth: int, told: tuple[str, ...] = (), fault: bool = False) -> None:
        key = (cluster.key(), fault)
        if self.seen.get(key, -1) >= depth:
            return
        self.seen[key] = depth
        try:
            self.end(cluster, fault)
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(told)}: {error}") from error
        if depth:
            for name, event in EVENTS.items():
                try:
                    after = event.change(cluster)
                except AssertionError as error:
                    raise AssertionError(f"after {', '.join((*told, name))}: {error}") from error
                self.explore(after, depth - 1, (*told, name), fault or event.fault)

    def end(self, cluster: SmallCluster, fault: bool) -> None:
        """Everybody does their work: it comes to rest, in the right end."""
        deaf, path = cluster.mute, []
        cluster = kubelets(replace(cluster, mute=False, full=cluster.full and self.makes_room))
        for count in range(150):
            key = (cluster.key(), fault)
            if key in self.ended:
                break
            path.append(key)
            cluster, made = looked(cluster)
            self.looks += 1
            up = all(p.stage == "ready" for _, there in cluster.pods for p in there)
            if up and made.again is None and made == plan(cluster.observed()):
                self.rests(cluster, made, fault, deaf)
                break
            if made.rollout and made.rollout.phase == "Paused":
                cluster = replace(cluster, action=f"resume@{made.candidate}#{count}")
            cluster = clients(kubelets(cluster).later(5))
        else:
            raise AssertionError("it does not come to rest")
        self.ended.update(path)

    def rests(self, cluster: SmallCluster, made: Plan, fault: bool, deaf: bool) -> None:
        wanted = made.planned(made.wanted).revision
        assert made.stable == made.wanted or wanted.rejected, "it is neither there nor taken back"
        may_give_up = cluster.asked.rollout.analysis.whenInconclusive == "Abort"
        gave_up = may_give_up and wanted.rejected is not None and wanted.rejected.reason == "Inconclusive"
        assert fault or gave_up or not wanted.rejected, f"taken back without a reason: {wanted.rejected}"
        assert cluster.entry == made.stable
        size = cluster.asked.scaling.minReplicas
        there = {name: [p.stage for p in pods] for name, pods in cluster.pods if pods}
        assert there == {made.stable: ["ready"] * size}, "others have pods left, or it has not all"
        assert asks(cluster.observed()) == frozenset()
        assert made.orders == {}
        for small in cluster.there(made.stable or ""):
            assert deaf or not (small.told and small.told.weight), "it forwards to what is gone"
        for planned in made.revisions:
            facts = planned.revision.rollout
            assert planned.revision.name == made.stable or facts is None or facts.over


CANARIES = Exploration()


@pytest.mark.parametrize("name", beginnings())
def test_whatever_happens_in_a_phase_it_ends_as_it_should(name: str) -> None:
    CANARIES.explore(beginnings()[name], DEPTH, fault=name == "taken back")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(EVENTS)) | st.just("a look"), min_size=10, max_size=40))
def test_however_long_a_history_is_it_ends_as_it_should(told: list[str]) -> None:
    cluster, fault = asked("s3://m/2")(serving(2, CANARY)), False
    for name in told:
        cluster, fault = EVENTS[name].change(cluster), fault or EVENTS[name].fault
    CANARIES.end(cluster, fault)


BLUE_GREEN: Object = {
    "strategy": "BlueGreen",
    "steps": [{"pause": {"durationSeconds": 10}}],
    "scaleDownDelaySeconds": 20,
}
AT_ONCE: Object = {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0}
RECREATE: Object = {"strategy": "Recreate", "scaleDownDelaySeconds": 20}
LENDING: Object = {**CANARY, "capacity": {"whenNoCapacity": "ShrinkStable"}}


SHADOWED: Object = {"strategy": "BlueGreen", "steps": [{"shadow": {"percent": 50}}], "stepSeconds": 10}


def copying(when_inconclusive: str) -> Object:
    """Return a canary that copies requests first, and waits 10 seconds longer for what copies say."""
    analysis = {"maxWaitSeconds": 10, "whenInconclusive": when_inconclusive}
    return {**CANARY, "steps": [{"shadow": {}}, {"weight": 25}, {"pause": {}}], "analysis": analysis}


STRATEGIES: dict[str, Object] = {
    "pause": BLUE_GREEN,
    "at once": AT_ONCE,
    "recreate": RECREATE,
    "lend": LENDING,
    "blue-green shadow": SHADOWED,
    "inconclusive: pause": copying("Pause"),
    "inconclusive: promote": copying("Promote"),
    "inconclusive: abort": copying("Abort"),
}


@pytest.mark.parametrize("rollout", STRATEGIES.values(), ids=STRATEGIES)
def test_whatever_happens_by_another_strategy_it_ends_as_it_should(rollout: Object) -> None:
    full = rollout in (RECREATE, LENDING)
    exploration, cluster = Exploration(full), replace(asked("s3://m/2")(serving(2, rollout)), full=full)
    for _ in range(8):
        exploration.explore(cluster, DEPTH - 1)
        cluster = look(clients(kubelets(cluster))).later(3)


@pytest.mark.parametrize(("then", "ends"), [("Pause", "Paused"), ("Promote", "stable"), ("Abort", "Inconclusive")])
def test_without_any_request_it_ends_as_was_asked_for(then: str, ends: str) -> None:
    """Nobody asks anything: the operator, the kubelets and the clock alone."""
    cluster = asked("s3://m/2")(serving(2, copying(then)))
    for _ in range(30):
        cluster, made = looked(cluster)
        cluster = kubelets(cluster).later(5)
        if then == "Promote" and made.rollout and made.rollout.pausedBy == "Step":
            cluster = annotated("resume", V2)(cluster)
    wanted = made.planned(V2).revision
    if ends == "Paused":
        assert made.rollout is not None
        assert (made.rollout.phase, made.rollout.pausedBy, made.rollout.step) == ("Paused", "Inconclusive", 1)
    elif ends == "stable":
        assert made.stable == V2
    else:
        assert wanted.rejected is not None
        assert (wanted.rejected.reason, made.stable) == (ends, V1)
