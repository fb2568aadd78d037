"""What clients reach: where the entry leads, when it moves, and the budget that follows it."""

from onnx_operator import names
from onnx_operator.api.rollout import Rollout
from onnx_operator.kube.kinds import DEPLOYMENT, DISRUPTION_BUDGET, SERVICE
from tests.unit.operator.memory_api import refuse
from tests.unit.operator.one_model import KEY, World, serving
from tests.unit.operator.situations import name_of, spec

HISTORY_LIMIT = Rollout().revisionHistoryLimit
V1, V2, BAD = (f"s3://models/digits/{n}" for n in ("v1", "v2", "bad"))
OLD, NEW = name_of(spec(V1)), name_of(spec(V2))


def test_the_budget_goes_when_it_would_only_block_drains() -> None:
    world = serving()
    assert set(world.memory.of(DISRUPTION_BUDGET)) == {KEY[1]}
    world.run(spec(V1, 1))
    assert world.memory.of(DISRUPTION_BUDGET) == {}


def budgeted(world: World) -> str:
    (budget,) = world.memory.of(DISRUPTION_BUDGET).values()
    return str(budget["spec"]["selector"]["matchLabels"][names.LABEL_REVISION])


def test_the_budget_is_over_what_clients_reach_and_goes_over_before_any_pod_goes() -> None:
    world = serving()
    assert budgeted(world) == OLD
    before = len(world.memory.writes)
    world.run(spec(V2, 2))
    assert budgeted(world) == NEW
    after = world.memory.writes[before:]
    budget = after.index(("apply", "PodDisruptionBudget", "digits"))
    assert budget < after.index(("scale", "Deployment", OLD))


def test_trouble_with_what_serves_takes_no_budget_from_it() -> None:
    world = serving()
    world.memory.before_write = refuse(f"Service/{OLD}", "Service/digits")
    world.memory.remove((SERVICE, KEY[0], OLD))
    world.memory.remove((DISRUPTION_BUDGET, *KEY))
    world.run(spec(V1, 3))
    assert world.condition("Stalled")["status"] == "True"
    assert budgeted(world) == OLD


def test_while_the_entry_cannot_be_led_over_the_old_version_stays() -> None:
    world = serving()
    world.memory.before_write = refuse("Service/digits")
    world.run(spec(V2, 2))
    assert world.entry() == OLD
    assert world.behind_the_entry() == 2
    world.memory.before_write = lambda *_: None
    world.settle()
    assert world.entry() == NEW
    assert world.replicas() == {OLD: 0, NEW: 2}


def test_first_up_then_down() -> None:
    world = serving()
    world.run(spec(BAD, 2))
    before = len(world.memory.writes)
    world.run(spec(V1, 3))
    scales = [name for verb, _, name in world.memory.writes[before:] if verb == "scale"]
    assert scales == [OLD, name_of(spec(BAD))]


def test_a_promotion_whose_entry_cannot_be_switched_freezes_nothing_when_its_pods_die() -> None:
    world = serving()
    world.memory.before_write = refuse("Service/digits")
    world.run(spec(V2, 2))
    assert world.entry() == OLD
    assert world.behind_the_entry() == 2
    for pod in world.memory.pods_of(NEW).values():
        world.memory.put({**pod, "status": {**pod["status"], "conditions": []}})
    world.memory.before_write = lambda verb, kind, name: None
    world.operator.hear()
    world.operator.reconcile()
    assert world.entry() == OLD, "it is held until the new pods are ready again"
    assert budgeted(world) == OLD
    ready = world.condition("Ready")
    assert (ready["status"], world.status["readyReplicas"]) == ("True", 2), "clients are answered"
    assert ready["message"] == f"{OLD} answers with 2 pods until {NEW} has ready ones again."
    assert world.replicas()[OLD] == 2
    world.settle()
    assert (world.entry(), world.replicas()) == (NEW, {OLD: 0, NEW: 2})


def test_what_was_done_by_hand_meanwhile_is_undone_and_freezes_nothing() -> None:
    world = serving()
    world.run(spec(V2, 2))
    world.run(spec(V2, 2, state="Unmanaged"))
    for name, replicas in ((OLD, 2), (NEW, 0)):
        deployment = world.memory.of(DEPLOYMENT)[name]
        world.memory.put({**deployment, "spec": {**deployment["spec"], "replicas": replicas}})
    entry = world.memory.of(SERVICE)["digits"]
    selector = {**entry["spec"]["selector"], names.LABEL_REVISION: OLD}
    world.memory.put({**entry, "spec": {**entry["spec"], "selector": selector}})
    world.settle()
    assert world.entry() == OLD, "it is left alone"
    world.run(spec(V2, 2))
    assert (world.entry(), world.replicas()) == (NEW, {OLD: 0, NEW: 2})


def test_refused_versions_do_not_discard_what_clients_reach() -> None:
    world = World()
    world.run(spec(BAD))
    reached = world.entry()
    for n in range(HISTORY_LIMIT + 3):
        asked = spec(f"s3://models/digits/{n}bad")
        world.memory.before_write = refuse(f"Deployment/{name_of(asked)}")
        world.run(asked)
    assert world.entry() == reached
    world.memory.before_write = lambda verb, kind, name: None
    world.run(spec(V1, 2))
    assert (world.entry(), world.behind_the_entry()) == (OLD, 2)
