"""A rollout in a world in memory: what is written before what is told, and what before what is scaled."""

import json
from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.engine.reconcile import LOOK_AT_ROLLOUT, Done
from onnx_operator.kube.kinds import AUTOSCALER, CONTROLLER_REVISION, DEPLOYMENT, DISRUPTION_BUDGET
from onnx_operator.rollout import SplitOrder, SplitState
from tests.cluster.split_stand_in import ARMS, SEES
from tests.unit.operator.memory_api import refuse
from tests.unit.operator.one_model import KEY, World, at_once, ready, serving
from tests.unit.operator.situations import name_of, spec

Object = dict[str, Any]

V1, V2 = (f"s3://models/digits/{n}" for n in ("v1", "v2"))
OLD, NEW = name_of(spec(V1)), name_of(spec(V2))
CANARY = {"steps": [{"weight": 50}, {"weight": 100}], "stepSeconds": 2, "scaleDownDelaySeconds": 3}
FAILING = {ARMS: json.dumps({"candidate": {"requests": 9, "errors": 9}})}


def v2(replicas: int = 2, **rollout: Any) -> Spec:
    return spec(V2, replicas, rollout={**CANARY, **rollout})


class Chronicle:
    """All that the operator does to a world, in one order: writes, and ``told WEIGHT`` for each order to a pod."""

    def __init__(self, world: World) -> None:
        self.lines: list[str] = []
        control, tell = world.control, world.control.set_split

        async def told(pod_ip: str, pod_uid: str, order: SplitOrder) -> SplitState | None:
            self.lines.append(f"told {order.weight}{' hand over' if order.hand_over else ''}")
            return await tell(pod_ip, pod_uid, order)

        control.set_split = told  # type: ignore[method-assign]
        world.memory.before_write = lambda verb, kind, name: self.lines.append(f"{verb} {kind}/{name}")

    def first(self, line: str) -> int:
        return self.lines.index(line)

    def last_before(self, line: str, place: int) -> int:
        return max(n for n, known in enumerate(self.lines[:place]) if known == line)


def go(world: World, looks: int) -> None:
    for _ in range(looks):
        world.operator.hear()
        world.operator.reconcile()
        world.kubelets()


def facts_of(world: World, revision: str) -> Object:
    annotations = world.memory.of(CONTROLLER_REVISION)[revision]["metadata"]["annotations"]
    found: Object = json.loads(annotations[names.ANNOTATION_ROLLOUT])
    return found


def test_a_weight_is_written_down_before_anybody_is_told() -> None:
    world = serving()
    seen = []
    tell = world.control.set_split

    async def told(pod_ip: str, pod_uid: str, order: SplitOrder) -> SplitState | None:
        facts = facts_of(world, NEW)
        seen.append((order.weight, order.generation) == (facts["weight"] if order.weight else 0, facts["generation"]))
        return await tell(pod_ip, pod_uid, order)

    world.control.set_split = told  # type: ignore[method-assign]
    world.run(v2())
    assert len(seen) >= 6, "two pods, two weights, and the hand-over"
    assert all(seen)


def test_an_abort_is_written_then_told_then_the_candidate_goes() -> None:
    world = serving()
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    assert world.status["rollout"]["appliedWeight"] == 50
    chronicle = Chronicle(world)
    world.control.plays = FAILING
    go(world, 1)
    told = chronicle.first("told 0")
    assert chronicle.first(f"apply ControllerRevision/{NEW}") < told
    assert f"scale Deployment/{NEW}" not in chronicle.lines[:told]
    go(world, 2)
    assert chronicle.first(f"scale Deployment/{NEW}") > told
    assert world.replicas() == {OLD: 2, NEW: 0}
    assert world.condition("Stalled")["reason"] == "CandidateErrors"


def test_pods_hand_over_when_the_entry_leads_elsewhere_and_not_before() -> None:
    world = serving()
    chronicle = Chronicle(world)
    world.ask(v2())
    go(world, 40)
    entry = chronicle.first("apply Service/digits")
    assert chronicle.first("told 100 hand over") > entry
    assert chronicle.first(f"scale Deployment/{OLD}") > chronicle.first("told 100 hand over")


def test_while_the_entry_cannot_be_led_over_nobody_hands_over_and_nothing_goes_down() -> None:
    world = serving()
    world.memory.before_write = refuse("Service/digits")
    world.ask(v2())
    go(world, 60)
    assert world.entry() == OLD
    assert world.replicas() == {OLD: 2, NEW: 2}
    assert not any(order.get("handOver") for split in world.memory.servers.values() for order in split.orders)
    world.memory.before_write = lambda *_: None
    world.settle()
    assert (world.entry(), world.replicas()) == (NEW, {OLD: 0, NEW: 2})


def test_what_cannot_be_written_down_is_not_done() -> None:
    world = serving()
    world.ask(v2())
    go(world, 1)
    world.memory.before_write = refuse(f"ControllerRevision/{NEW}")
    before = len(world.control.told)
    go(world, 30)
    assert {weight for _, weight in world.control.told[before:]} <= {0}
    assert world.entry() == OLD
    assert world.replicas()[OLD] == 2
    assert world.condition("Stalled")["status"] == "True"
    told = [name for verb, _, name in world.memory.writes if verb == "create"]
    assert told.count("RolloutStarted") <= 1
    world.memory.before_write = lambda *_: None
    world.settle()
    assert world.entry() == NEW


def test_at_rest_no_pod_is_asked_about_its_split() -> None:
    world = serving()
    assert world.control.asked == []
    world.run(v2())
    assert world.control.asked
    world.control.asked.clear()
    for _ in range(3):
        world.operator.hear()
        assert world.operator.reconcile() is None
    world.restart()
    world.operator.reconcile()
    assert world.control.asked == []


def test_while_it_runs_it_is_looked_at_every_second_and_it_says_where_it_is() -> None:
    world = serving()
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    done: Done = at_once(world.operator._reconciler.reconcile(KEY))
    assert done.again_after == 1.0
    assert "Progressing, step 1 of 2, weight 50 (50 applied)" in done.summary


def test_what_is_refused_beside_it_does_not_make_its_looks_rare() -> None:
    world = serving()
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    world.memory.before_write = refuse("PodDisruptionBudget/digits")
    world.memory.remove((DISRUPTION_BUDGET, *KEY))
    world.operator.hear()
    done: Done = at_once(world.operator._reconciler.reconcile(KEY))
    assert done.refused
    assert (done.again_after, done.at_most) == (1.0, LOOK_AT_ROLLOUT)


def test_one_order_is_given_once_however_long_it_stands() -> None:
    world = serving()
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    before = len(world.control.told)
    go(world, 20)
    assert len(world.control.told) == before


def test_new_pods_on_either_side_are_told_of_at_once() -> None:
    world = serving()
    world.ask(v2(stepSeconds=600))
    go(world, 12)
    world.ask(v2(3, stepSeconds=600))
    go(world, 6)
    servers = [world.memory.server(p["metadata"]["uid"]) for p in world.memory.pods_of(OLD).values() if ready(p)]
    fresh = {pod["metadata"]["uid"] for pod in world.memory.pods_of(NEW).values() if ready(pod)}
    assert len(servers) == 3
    for server in servers:
        assert server.order["weight"] == 50
        assert {candidate["podUid"] for candidate in server.order["candidates"]} == fresh
    assert len({server.order["generation"] for server in servers}) == 1


def test_a_mute_pod_holds_an_increase_and_no_decrease() -> None:
    world = serving()
    world.ask(v2(stepSeconds=0))
    mute, other = sorted(pod["metadata"]["uid"] for pod in world.memory.pods_of(OLD).values())
    world.control.mute.add(mute)
    go(world, 30)
    assert world.memory.server(other).order["weight"] == 50
    world.ask(spec(V1, 2))
    go(world, 10)
    assert world.memory.server(other).order["weight"] == 0
    assert world.replicas() == {OLD: 2, NEW: 0}


def test_the_autoscaler_of_the_stable_revision_has_a_floor_while_a_rollout_runs() -> None:
    scaling = {"minReplicas": 1, "maxReplicas": 5, "target": {"cpuPercent": 80}}
    cpu = {"requests": {"cpu": "1"}}
    first = Spec.model_validate({"model": {"uri": V1}, "scaling": scaling, "resources": cpu})
    world = serving(first)
    old = name_of(first)
    at_once(world.memory.scale(DEPLOYMENT, KEY[0], old, 3))
    go(world, 4)
    world.ask(Spec.model_validate({**first.model_dump(exclude_defaults=True), "model": {"uri": V2}}))
    go(world, 6)
    (made,) = world.memory.of(AUTOSCALER).values()
    assert (made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == (3, 5)


QUICK = {"stepSeconds": 1, "scaleDownDelaySeconds": 1}


def judged(world: World) -> dict[str, Object]:
    return {check["check"]: check for check in world.status["rollout"]["checks"]}


def test_the_default_steps_are_gone_through_by_evidence_and_written_down_with_the_rollout() -> None:
    world = serving()
    world.ask(spec(V2, 2, rollout=QUICK))
    go(world, 3)
    steps = facts_of(world, NEW)["rollout"]["steps"]
    assert steps == [{"shadow": {"percent": 100, "minSamples": 100}}, *({"weight": w} for w in (5, 25, 50, 100))]
    world.settle()
    assert world.entry() == NEW
    assert {weight for _, weight in world.control.told} == {0, 5, 25, 50, 100}


def test_without_traffic_it_is_held_and_a_look_that_sees_no_more_writes_nothing() -> None:
    world = serving()
    world.control.plays = {SEES: "Nothing"}
    world.ask(spec(V2, 2, rollout=QUICK))
    go(world, 12)
    assert {name for name, check in judged(world).items() if check["verdict"] == "Unknown"} >= {"errors", "outputs"}
    before = len(world.memory.writes)
    go(world, 10)
    assert world.memory.writes[before:] == []
    assert {weight for _, weight in world.control.told} == {0}
    world.control.plays = {}
    world.settle()
    assert world.entry() == NEW


def test_counts_that_grow_a_little_are_not_written_at_each_look() -> None:
    world = serving()
    world.ask(spec(V2, 2, rollout={**CANARY, "stepSeconds": 600}))
    arms = {"candidate": {"requests": 5000}, "stable": {"requests": 90000}}
    world.control.plays = {ARMS: json.dumps(arms)}
    go(world, 8)
    assert judged(world)["errors"]["samples"] == 10000
    writes = []
    for count in range(10):
        before = len(world.memory.writes)
        arms["candidate"]["requests"] = 5001 + 7 * count
        world.control.plays = {ARMS: json.dumps(arms)}
        go(world, 1)
        writes += world.memory.writes[before:]
    assert writes == []


def test_an_operator_that_begins_anew_comes_to_the_same_verdict() -> None:
    ends = []
    for restarts in (False, True):
        world = serving()
        world.control.plays = {SEES: "Nothing"}
        world.ask(spec(V2, 2, rollout=QUICK))
        go(world, 6)
        course = facts_of(world, NEW)["started_at"]
        world.control.plays = {SEES: "Wrong"}
        if restarts:
            world.restart()
        go(world, 6)
        assert facts_of(world, NEW)["started_at"] == course
        (rejection,) = world.status["rejected"]
        ends.append((rejection["reason"], rejection["message"]))
    assert ends[0] == ends[1]
    assert ends[0][0] == "OutputsDiffer"
