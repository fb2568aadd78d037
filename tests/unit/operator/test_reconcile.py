"""Observe, decide, apply and report together, over a world in memory."""

from collections.abc import Callable
from typing import Any

import pytest

from onnx_operator.api.rollout import Rollout
from onnx_operator.kube.errors import ConflictError, TransientError
from onnx_operator.kube.kinds import CONFIG_MAP, CONTROLLER_REVISION, DEPLOYMENT, DISRUPTION_BUDGET, MODEL, POD, SERVICE
from tests.unit.operator.memory_api import fail, refuse
from tests.unit.operator.one_model import BORN, KEY, World, serving
from tests.unit.operator.situations import SIGNATURE, name_of, spec

Object = dict[str, Any]

HISTORY_LIMIT = Rollout().revisionHistoryLimit
V1, V2, BAD = (f"s3://models/digits/{n}" for n in ("v1", "v2", "bad"))
OLD, NEW = name_of(spec(V1)), name_of(spec(V2))


def test_a_model_comes_to_serve() -> None:
    world = serving(spec(V1, 3))
    assert world.entry() == OLD
    assert world.behind_the_entry() == 3
    assert world.condition("Reconciling")["reason"] == "Reconciled"
    assert world.status["signature"] == SIGNATURE
    assert world.status["revisions"][0]["digest"].startswith("sha256:")


def test_at_rest_nothing_is_written() -> None:
    world = serving()
    world.run(spec(V2, 2))
    before = len(world.memory.writes)
    for _ in range(3):
        world.operator.hear()
        assert world.operator.reconcile() is None
    world.restart()
    world.operator.reconcile()
    assert world.memory.writes[before:] == []


def test_a_new_version_takes_over_and_the_old_one_goes() -> None:
    world = serving()
    world.run(spec(V2, 2))
    assert world.entry() == NEW
    assert world.replicas() == {OLD: 0, NEW: 2}
    assert world.status["stableRevision"] == NEW
    assert "candidateRevision" not in world.status


def test_a_bad_version_costs_nothing() -> None:
    world = serving()
    world.run(spec(BAD, 2))
    assert world.entry() == OLD
    assert world.replicas() == {OLD: 2, name_of(spec(BAD)): 1}
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("Stalled")["reason"] == "ModelNotFound"


def test_going_back_uses_the_same_objects() -> None:
    world = serving()
    before = world.memory.of(CONTROLLER_REVISION)[OLD]["data"]
    world.run(spec(V2, 2))
    world.run(spec(V1, 2))
    assert world.entry() == OLD
    assert world.replicas() == {OLD: 2, NEW: 0}
    assert world.memory.of(CONTROLLER_REVISION)[OLD]["data"] == before


def test_old_revisions_are_removed_with_all_that_is_theirs() -> None:
    world = serving(spec("s3://m/0"))
    for number in range(1, HISTORY_LIMIT + 3):
        world.run(spec(f"s3://m/{number}"))
    revisions = set(world.memory.of(CONTROLLER_REVISION))
    assert len(revisions) == HISTORY_LIMIT + 1
    assert set(world.memory.of(DEPLOYMENT)) == revisions
    assert set(world.memory.of(SERVICE)) == revisions | {KEY[1]}
    assert set(world.memory.of(CONFIG_MAP)) == {name for r in revisions for name in (r, f"{r}-live")}


def test_suspended_and_active_again() -> None:
    world = serving()
    world.run(spec(V1, 2, state="Suspended"))
    assert world.replicas() == {OLD: 0}
    assert world.condition("Reconciling")["reason"] == "Suspended"
    world.run(spec(V1, 2))
    assert world.behind_the_entry() == 2


def test_unmanaged_is_only_reported() -> None:
    world = serving()
    before = len(world.memory.writes)
    world.run(spec(V2, 5, state="Unmanaged"))
    assert {write[:2] for write in world.memory.writes[before:]} == {("status", "ONNXModel")}
    assert world.condition("Ready")["status"] == "True"


def test_configuration_whose_revision_was_never_born_is_removed() -> None:
    world = serving()
    world.memory.before_write = refuse(f"ControllerRevision/{NEW}")
    world.run(spec(V2, 2))
    assert NEW in world.memory.of(CONFIG_MAP)
    assert NEW not in world.memory.of(DEPLOYMENT)
    world.memory.before_write = lambda verb, kind, name: None
    world.run(spec(V1, 2))
    assert set(world.memory.of(CONFIG_MAP)) == {OLD, f"{OLD}-live"}


@pytest.mark.parametrize("kind", [CONFIG_MAP, DEPLOYMENT, SERVICE, DISRUPTION_BUDGET])
def test_what_somebody_deletes_comes_back(kind: Any) -> None:
    world = serving()
    before = world.end()
    for name in list(world.memory.of(kind)):
        world.memory.remove((kind, KEY[0], name))
    world.settle()
    assert world.end() == before


CANARY = {"steps": [{"weight": 50}, {"weight": 100}], "stepSeconds": 2, "scaleDownDelaySeconds": 3}
SCENARIO = (
    spec(V1, 2),
    spec(V2, 3),
    spec(BAD, 3),
    spec(V1, 3),
    spec(V1, 1, state="Suspended"),
    spec(V2, 2),
    spec("s3://models/digits/v3", 2, rollout=CANARY),
    spec(BAD, 2, rollout=CANARY),
    spec(V2, 2, rollout=CANARY),
)


@pytest.fixture(scope="module")
def calm() -> list[tuple[World, int]]:
    """Return the world before each step and how many writes the step takes; last, the end."""
    world, made = World(), []
    for asked in SCENARIO:
        before = World(memory=world.memory.copied())
        count = len(world.memory.writes)
        world.run(asked)
        made.append((before, len(world.memory.writes) - count))
    return [*made, (world, 0)]


@pytest.mark.parametrize("step", range(len(SCENARIO)))
def test_killed_at_any_write_the_end_is_the_same(step: int, calm: list[tuple[World, int]]) -> None:
    (before, count), (after, _) = calm[step : step + 2]
    assert count > 0
    for nth in range(1, count + 1):
        world = World(memory=before.memory.copied())
        world.run(SCENARIO[step], killed_at=nth)
        assert world.end() == after.end(), f"killed at write {nth}"


def test_a_refused_candidate_keeps_nothing_from_the_version_that_serves() -> None:
    world = serving()
    world.memory.before_write = refuse(f"Deployment/{NEW}")
    world.memory.remove((SERVICE, KEY[0], KEY[1]))
    world.memory.remove((DEPLOYMENT, KEY[0], OLD))
    world.run(spec(V2, 3))
    assert world.entry() == OLD
    assert world.behind_the_entry() == 3
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("Stalled")["reason"] == "RefusedByAPIServer"
    assert f"Deployment {NEW}" in world.condition("Stalled")["message"]
    assert "exceeded quota" in world.condition("Stalled")["message"]
    assert world.operator.reconcile() is not None, "quota may grow: look again"


def test_the_api_servers_own_failure_is_shown_and_tried_again() -> None:
    world = World()
    world.memory.before_write = fail(TransientError(500, "failed calling webhook"), "Deployment")
    world.ask(spec(V1))
    world.operator.hear()
    assert world.operator.reconcile() is not None
    assert world.condition("Reconciling")["reason"] == "APIServerFailed"
    assert world.condition("Stalled")["status"] == "False"


@pytest.mark.parametrize("error", [TransientError(503, "busy"), TransientError(0, "cut"), ConflictError(409, "stale")])
def test_what_passes_is_raised_for_the_queue(error: Any) -> None:
    world = World()
    world.memory.before_write = fail(error, "Deployment")
    world.ask(spec(V1))
    world.operator.hear()
    with pytest.raises(type(error)):
        world.operator.reconcile()


def foreign(kind: str, name: str, owner: Object | None) -> Object:
    metadata: Object = {"name": name, "namespace": KEY[0], "uid": "foreign"}
    if owner:
        metadata |= {"ownerReferences": [{"controller": True, "uid": "other", **owner}]}
    api = {"Service": "v1", "ControllerRevision": "apps/v1"}[kind]
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {"selector": {}}, "data": {}, "revision": 1}


def test_somebody_elses_object_is_left_alone_and_named() -> None:
    world = World()
    theirs = world.memory.put(foreign("Service", KEY[1], None))
    world.run(spec(V1))
    assert world.memory.of(SERVICE)[KEY[1]] == theirs
    assert world.condition("Stalled")["reason"] == "NameConflict"
    assert "Service digits" in world.condition("Stalled")["message"]
    world.memory.remove((SERVICE, *KEY))
    world.settle()
    assert world.condition("Ready")["status"] == "True"


def test_what_a_deleted_model_of_this_name_left_is_waited_for() -> None:
    world = World()
    world.memory.put(foreign("ControllerRevision", OLD, {"kind": "ONNXModel", "name": KEY[1]}))
    world.run(spec(V1))
    assert world.condition("Reconciling")["reason"] == "WaitingForDeletion"
    assert world.condition("Stalled")["status"] == "False"
    world.memory.remove((CONTROLLER_REVISION, KEY[0], OLD))
    world.settle()
    assert world.condition("Ready")["status"] == "True"


def test_facts_that_the_cache_does_not_know_are_not_wiped_out() -> None:
    world = serving()
    facts = world.memory.of(CONTROLLER_REVISION)[OLD]["metadata"]["annotations"]
    world.operator.cache.remove(CONTROLLER_REVISION, world.memory.of(CONTROLLER_REVISION)[OLD])
    world.memory.put(world.memory.of(CONTROLLER_REVISION)[OLD])
    with pytest.raises(ConflictError):
        world.operator.reconcile()
    world.operator.reconcile()
    assert world.memory.of(CONTROLLER_REVISION)[OLD]["metadata"]["annotations"] == facts
    assert world.status["stableRevision"] == OLD


def test_a_promotion_does_not_trust_pods_that_only_the_cache_knows() -> None:
    world = serving()
    world.ask(spec(V2, 2))
    for _ in range(3):
        world.operator.hear()
        world.operator.reconcile()
        world.kubelets()
    world.operator.hear()  # the cache holds two ready pods of the new version
    for pod in world.memory.pods_of(NEW):
        world.memory.remove((POD, KEY[0], pod))
    world.operator.reconcile()
    assert world.entry() == OLD
    assert world.behind_the_entry() == 2


def test_a_status_is_not_written_to_a_model_that_was_made_anew() -> None:
    world = serving()
    world.memory.remove((MODEL, *KEY))
    world.ask(spec(V2, 1))
    world.operator.hear(POD)
    for pod in list(world.pods()):
        world.memory.remove((POD, KEY[0], pod))
    world.operator.hear(POD)
    with pytest.raises(ConflictError):
        world.operator.reconcile()
    assert "status" not in world.memory.objects[MODEL, *KEY]


def test_pods_of_a_deleted_model_of_this_name_pin_nothing() -> None:
    world = serving()
    inherited = list(world.pods().values())
    assert all(pod["metadata"]["creationTimestamp"] > BORN for pod in inherited)
    for place in [place for place in world.memory.objects if place[0] != POD]:
        del world.memory.objects[place]
    world.ask(spec(V1, 2))
    model = world.memory.objects[MODEL, *KEY]
    model["metadata"]["creationTimestamp"] = "2026-12-01T00:00:00Z"
    world.restart()
    world.operator.reconcile()
    world.operator.hear()
    world.operator.reconcile()
    assert world.status["readyReplicas"] == 0
    assert "digest" not in world.status["revisions"][0]


def test_a_spec_from_the_future_is_said_and_what_serves_goes_on() -> None:
    world = serving()
    model = world.memory.objects[MODEL, *KEY]
    model["spec"]["rollout"] = {"strategy": "Clairvoyant"}
    world.memory.put(model)
    before = len(world.memory.writes)
    world.settle()
    assert world.condition("Stalled")["reason"] == "InvalidSpec"
    assert "spec.rollout" in world.condition("Stalled")["message"]
    assert world.condition("Ready")["status"] == "True"
    assert {write[0] for write in world.memory.writes[before:]} == {"status", "create"}


def test_a_server_that_does_not_answer_stops_nothing_and_is_asked_again() -> None:
    world = World(answer={})
    world.run(spec(V1))
    assert world.condition("Ready")["status"] == "True"
    assert "signature" not in world.status
    assert world.operator.reconcile() is not None


def test_a_model_that_is_going_is_left_alone() -> None:
    world = serving()
    world.memory.objects[MODEL, *KEY]["metadata"]["deletionTimestamp"] = "2026-11-01T12:00:00Z"
    world.memory.put(world.memory.objects[MODEL, *KEY])
    world.memory.remove((SERVICE, *KEY))
    before = len(world.memory.writes)
    world.operator.hear()
    assert world.operator.reconcile() is None
    world.memory.remove((MODEL, *KEY))
    world.operator.hear()
    assert world.operator.reconcile() is None
    assert world.memory.writes[before:] == []


def test_an_image_that_a_webhook_rewrites_is_not_fought_over(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    store: Callable[..., Object] = world.memory._store

    def webhook(place: Any, obj: Object) -> Object:
        if place[0] == DEPLOYMENT:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example.test/server:1"
        return store(place, obj)

    world.memory._store = webhook  # type: ignore[method-assign]  # this world has an admission webhook
    world.run(spec(V1, 2))
    assert world.condition("Ready")["status"] == "True"
    assert "admission webhook" in caplog.text


def test_pods_do_not_grow_before_their_bytes_are_written_down() -> None:
    world = World()
    world.ask(spec(V1, 3))
    for _ in range(3):
        world.operator.hear()
        world.operator.reconcile()
    world.memory.before_write = fail(TransientError(500, "etcdserver: request timed out"), "ControllerRevision")
    for _ in range(4):
        world.kubelets()
        world.operator.hear()
        world.operator.reconcile()
        assert world.replicas() == {OLD: 1}
    world.memory.before_write = lambda verb, kind, name: None
    world.settle()
    assert world.replicas() == {OLD: 3}


def test_what_belonged_to_a_model_that_is_gone_is_not_made_anew() -> None:
    world = serving()
    del world.memory.objects[MODEL, *KEY]
    del world.memory.objects[SERVICE, KEY[0], "digits"]
    world.operator.hear(SERVICE)  # the watch of the models is behind
    before = len(world.memory.writes)
    world.operator.reconcile()
    world.operator.reconcile()
    assert world.memory.writes[before:] == []
