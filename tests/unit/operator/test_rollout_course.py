"""What the pods are told, how many there are, and what the conditions say, along a rollout."""

from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.decide.conditions import conditions
from onnx_operator.decide.plan import Plan
from onnx_operator.decide.roles import asks, plan
from onnx_operator.rollout import Arm
from tests.unit.operator.exploration.cluster import SmallCluster, clients, kubelets, serving
from tests.unit.operator.situations import SIGNATURE, digest, name_of, spec

Object = dict[str, Any]

STEPS: Object = {
    "steps": [{"weight": 25}, {"pause": {}}, {"weight": 100}],
    "stepSeconds": 10,
    "scaleDownDelaySeconds": 30,
}
AUTOMATIC: Object = {"minReplicas": 2, "maxReplicas": 8, "target": {"cpuPercent": 80}}
CPU: Object = {"requests": {"cpu": 1}}
V1, V2, V3 = (name_of(spec(f"s3://m/{n}")) for n in (1, 2, 3))


def update(size: int = 4, rollout: Object | None = None, **fields: Any) -> SmallCluster:
    """Return a cluster in which a second version was asked for just now."""
    steps = STEPS if rollout is None else rollout
    return replace(serving(size, steps), asked=spec("s3://m/2", size, rollout=steps, **fields))


def on(cluster: SmallCluster, looks: int, seconds: float = 1) -> SmallCluster:
    for _ in range(looks):
        cluster, _ = cluster.reconciled()
        cluster = clients(kubelets(cluster).later(seconds))
    return cluster


def told(cluster: SmallCluster) -> Plan:
    return plan(cluster.observed())


def reconciling(cluster: SmallCluster) -> tuple[str, str]:
    seen = cluster.observed()
    ready, moving, stalled = conditions(seen, plan(seen), None)
    assert ready.status
    assert not (moving.status and stalled.status)
    return ("Stalled" if stalled.status else str(moving.status)), moving.reason


def replicas(made: Plan) -> dict[str, int]:
    return {planned.revision.name: planned.replicas for planned in made.revisions}


def test_a_manifest_without_a_word_gets_a_canary() -> None:
    cluster = replace(serving(2, {}), asked=spec("s3://m/2", 2, rollout={}))
    made = told(on(cluster, 2))
    assert made.rollout is not None
    assert (made.rollout.strategy, made.rollout.progress) == ("Canary", "1/5")
    order = made.orders[V1]
    assert (order.weight, order.shadow and order.shadow.percent) == (0, 100), "copies first"
    assert order.course == made.rollout.startedAt
    assert made.stable == V1


def test_the_stable_pods_are_told_the_weight_the_pods_and_the_headers() -> None:
    routing = {"stickyBy": {"header": "x-user"}, "previewHeader": "x-preview"}
    made = told(on(update(routing=routing), 2))
    order = made.orders[V1]
    assert (order.revision, order.weight, order.hand_over) == (V2, 25, False)
    assert (order.sticky_header, order.preview_header) == ("x-user", "x-preview")
    assert [a.pod_uid for a in order.candidates] == [f"uid-{p.uid}" for p in on(update(routing=routing), 2).there(V2)]


def test_while_pods_are_told_the_next_weight_the_status_shows_the_one_that_they_have() -> None:
    cluster = update(rollout={**STEPS, "steps": [{"weight": 25}, {"weight": 50}, {"weight": 100}], "stepSeconds": 2})
    shown = []
    for _ in range(40):
        made = told(cluster)
        if made.rollout and made.stable == V1:
            shown.append((made.rollout.weight, made.rollout.appliedWeight))
        cluster = on(cluster, 1)
    assert list(dict.fromkeys(shown)) == [(25, 0), (25, 25), (50, 25), (50, 50), (100, 50), (100, 100)]


def test_a_new_pod_changes_the_addresses_and_not_the_generation() -> None:
    cluster = on(update(8), 3)
    before = told(cluster).orders[V1]
    grown = cluster.scaled(V2, 3)
    after = told(kubelets(grown)).orders[V1]
    assert (after.generation, after.weight) == (before.generation, before.weight)
    assert (len(before.candidates), len(after.candidates)) == (2, 3)


def test_generations_grow_with_each_weight() -> None:
    cluster, known = update(), []
    for _ in range(30):
        cluster, made = cluster.reconciled()
        cluster = clients(kubelets(cluster).later(5))
        if made.rollout and made.rollout.phase == "Paused":
            cluster = replace(cluster, action=f"resume@{V2}#1")
        known += [(o.generation, o.weight, o.hand_over) for o in made.orders.values()]
    changes = list(dict.fromkeys(known))
    generations = [generation for generation, _, _ in changes]
    assert generations == sorted(set(generations))
    assert [weight for _, weight, _ in changes] == [25, 100, 100]
    assert changes[-1][2], "the last one hands over"


def test_where_somebody_else_splits_nobody_is_told_anything() -> None:
    cluster = update(routing={"provider": "External"})
    for _ in range(8):
        cluster = on(cluster, 1, 6)
        made = told(cluster)
        assert made.orders == {}
    assert made.rollout is not None
    assert (made.rollout.phase, made.rollout.weight, made.rollout.appliedWeight) == ("Paused", 25, 25)
    cluster, made = replace(cluster, action=f"promote@{V2}#1").reconciled()
    for _ in range(4):
        cluster = on(cluster, 1)
        assert told(cluster).orders == {}, "nobody has anything to hand over"
    assert cluster.entry == V2


ELSEWHERE = spec(routing={"provider": "External"}).routing


def rerouted(cluster: SmallCluster, uri: str = "s3://m/2") -> SmallCluster:
    """Return the cluster with another spec, by which somebody else splits."""
    update = {"routing": ELSEWHERE, "model": spec(uri).model}
    return replace(cluster, asked=cluster.asked.model_copy(update=update))


def shared() -> SmallCluster:
    """Return a cluster in which the candidate gets a quarter; since then the spec says that somebody else splits."""
    cluster = on(update(), 4)
    assert {p.told.weight for p in cluster.there(V1) if p.told} == {25}
    return on(rerouted(cluster), 2)


def test_who_moved_the_requests_when_a_rollout_began_does_so_to_its_end() -> None:
    cluster = shared()
    order = told(cluster).orders[V1]
    assert (order.revision, order.weight) == (V2, 25)
    cluster, made = replace(cluster, action=f"abort@{V2}#1").reconciled()
    assert made.orders[V1].weight == 0
    assert {p.told.weight for p in cluster.there(V1) if p.told} == {0}
    handing_over = on(replace(shared(), action=f"promote@{V2}#1"), 5)
    assert told(handing_over).stable == V2
    assert told(handing_over).orders[V1].hand_over


def test_before_somebody_else_splits_the_pods_are_told_to_stop() -> None:
    cluster = on(rerouted(shared(), "s3://m/3"), 4)
    made = told(cluster)
    facts = made.planned(V3).revision.rollout
    assert facts is not None
    assert (made.candidate, facts.provider, made.orders) == (V3, "External", {}), "told once, and then left alone"
    assert {p.told.revision for p in cluster.there(V1) if p.told} == {None}


def test_pods_whose_order_nobody_knows_are_told_to_stop_where_somebody_else_splits() -> None:
    cluster = shared()
    lost = tuple(replace(r, rollout=None) if r.name == V2 else r for r in cluster.revisions)
    cluster = on(replace(cluster, revisions=lost), 3)
    assert {p.told.revision for p in cluster.there(V1) if p.told} == {None}
    made = told(cluster)
    assert (made.candidate, made.orders) == (V2, {})


def test_facts_of_an_older_operator_go_by_the_spec() -> None:
    cluster = on(update(routing={"provider": "External"}), 4)
    older = tuple(replace(r, rollout=r.rollout and replace(r.rollout, provider="")) for r in cluster.revisions)
    made = told(on(replace(cluster, revisions=older), 2))
    assert made.orders == {}
    assert made.rollout is not None
    assert made.rollout.appliedWeight == 25


def test_the_candidate_has_its_share_of_the_pods_and_gives_none_back() -> None:
    steps: Object = {"steps": [{"weight": 60}, {"pause": {}}]}
    cluster = on(update(4, steps), 2)
    assert replicas(told(cluster)) == {V1: 4, V2: 3}
    fewer = replace(cluster, asked=spec("s3://m/2", 2, rollout=steps))
    assert replicas(told(on(fewer, 1)))[V1] == 4, "the stable one is as large as at the beginning"
    more = replace(cluster, asked=spec("s3://m/2", 8, rollout=steps))
    assert replicas(told(more)) == {V1: 8, V2: 5}


def autoscaled(asked: int, rollout: Object = STEPS) -> SmallCluster:
    before = serving(4, rollout)
    wanted = spec("s3://m/2", scaling=AUTOMATIC, resources=CPU, rollout=rollout)
    revision = replace(
        before.revisions[0], data={**before.revisions[0].data, "declared": {"model": {"uri": "s3://m/1"}}}
    )
    return replace(before.scaled(V1, asked), asked=wanted, revisions=(revision,))


def test_an_autoscaler_does_not_go_below_the_size_at_the_beginning() -> None:
    cluster = on(autoscaled(5), 2)
    stable = told(cluster).planned(V1)
    assert (stable.autoscaled, stable.least, stable.most, stable.replicas) == (True, 5, 8, 5)
    grown = kubelets(cluster.scaled(V1, 8))
    made = told(grown)
    assert (made.planned(V1).least, made.planned(V1).replicas) == (5, 8)
    candidate = made.candidate or ""
    assert made.planned(candidate).replicas == 2, "a quarter of what the stable one has now"


def test_at_rest_an_autoscaler_has_the_bounds_of_the_spec() -> None:
    asked = spec("s3://m/1", scaling=AUTOMATIC, resources=CPU, rollout=STEPS)
    cluster = SmallCluster(asked)
    cluster = on(cluster, 4)
    (only,) = told(cluster).revisions
    assert (only.autoscaled, only.least, only.most, only.replicas) == (True, 2, 8, 2)


def lending(size: int = 2, room: int = 2) -> SmallCluster:
    rollout: Object = {**STEPS, "capacity": {"whenNoCapacity": "ShrinkStable"}}
    return replace(update(size, rollout), room=room)


def test_in_a_full_cluster_the_stable_revision_lends_a_place_and_everything_fits_in_the_end() -> None:
    cluster = on(lending(), 2)
    assert reconciling(lending().reconciled()[0]) == ("True", "CapacityPending")
    assert replicas(told(cluster)) == {V1: 1, V2: 1}
    cluster = replace(on(cluster, 6, 6), action=f"resume@{V2}#1")
    cluster = on(cluster, 12, 6)
    assert cluster.entry == V2
    assert replicas(told(cluster)) == {V1: 0, V2: 2}


@pytest.mark.parametrize("size", [2, 3, 4])
def test_with_room_for_one_more_the_last_place_is_lent_and_freed_before_the_candidate_takes_over(size: int) -> None:
    cluster = replace(on(lending(size, size + 1), 6, 6), action=f"resume@{V2}#1")
    for _ in range(6 + 2 * size):
        before, behind = cluster.entry, cluster.ready(cluster.entry)
        cluster = on(cluster, 1, 6)
        assert cluster.entry == before or cluster.ready(V2) >= behind, "clients have as many ready pods as before"
    cluster = on(cluster, 12, 6)
    assert (cluster.entry, replicas(told(cluster))) == (V2, {V1: 0, V2: size})
    assert cluster.ready(V2) == size


def test_a_stable_pod_that_has_no_place_itself_is_given_up_beside_one_that_has() -> None:
    cluster = lending(3)
    cluster = cluster.changed(V1, lambda p: replace(p, stage="pending") if p == cluster.there(V1)[-1] else p)
    cluster = on(cluster, 2)
    assert (cluster.ready(V1), cluster.ready(V2)) == (1, 1)


def test_a_lent_place_goes_back_when_it_does_not_help_and_when_the_candidate_is_taken_back() -> None:
    def in_vain(cluster: SmallCluster) -> SmallCluster:
        """Somebody else takes the place."""
        return cluster.changed(V2, lambda p: replace(p, stage="pending"))

    cluster = in_vain(lending().reconciled()[0])
    cluster, made = in_vain(kubelets(cluster.reconciled()[0])).later(59).reconciled()
    assert replicas(made) == {V1: 1, V2: 1}
    cluster, made = in_vain(cluster).later(1).reconciled()
    assert replicas(made) == {V1: 2, V2: 1}
    _, made = in_vain(cluster).later(600).reconciled()
    assert replicas(made) == {V1: 2, V2: 1}, "and is not lent again in this step"
    _, made = replace(on(lending(), 2), action=f"abort@{V2}#1").reconciled()
    assert replicas(made)[V1] == 2


def test_a_lent_place_has_its_time_to_help_once_the_pod_that_had_it_is_gone() -> None:
    cluster = lending().reconciled()[0].reconciled()[0]
    for _ in range(40):
        cluster, made = cluster.later(3).reconciled()
        assert replicas(made) == {V1: 1, V2: 1}, "the pod takes two minutes to end"
    assert [p.stage for p in cluster.there(V1)] == ["ready", "going"]
    cluster, made = kubelets(cluster).later(3).reconciled()
    assert (replicas(made), cluster.ready(V2)) == ({V1: 1, V2: 1}, 1)


def test_a_loan_has_helped_even_where_the_scheduler_had_not_spoken_of_all_pods() -> None:
    cluster = replace(on(lending(4, 5), 6, 6), action=f"resume@{V2}#1").reconciled()[0]
    late = [p.uid for p in cluster.there(V2) if p.stage == "pending"][1:]
    cluster = cluster.changed(V2, lambda p: replace(p, stage="made") if p.uid in late else p)
    cluster = cluster.later(1).reconciled()[0]
    assert replicas(told(cluster))[V1] == 3
    cluster = kubelets(cluster.changed(V2, lambda p: replace(p, stage="pending") if p.stage == "made" else p))
    assert replicas(told(cluster.later(1)))[V1] == 2, "the next one follows at once"


def test_nothing_is_lent_while_places_come_free_by_themselves() -> None:
    cluster = on(replace(on(lending(), 2), action=f"promote@{V2}#1"), 4)
    assert (cluster.entry, cluster.ready(V1), cluster.ready(V2)) == (V2, 1, 1)
    cluster = on(replace(cluster, asked=spec("s3://m/3", 2, rollout=cluster.asked.rollout.model_dump())), 4)
    assert replicas(told(cluster))[V2] == 2
    cluster = on(cluster, 8, 6)
    assert V1 not in {name for name, there in cluster.pods if there}
    assert (cluster.ready(V2), cluster.ready(V3)) == (1, 1)


def test_recreate_takes_the_old_one_down_first_and_brings_it_back_if_the_new_one_does_not_come_up() -> None:
    cluster, made = update(2, {"strategy": "Recreate"}).reconciled()
    assert replicas(made) == {V1: 2, V2: 0}, "its facts come first"
    cluster, made = cluster.reconciled()
    assert replicas(made) == {V1: 0, V2: 0}
    assert made.rollout is not None
    assert "nobody is answered" in made.rollout.message
    assert replicas(told(cluster)) == {V1: 0, V2: 0}, "the old one is still going"
    cluster, made = kubelets(cluster).reconciled()
    assert replicas(made) == {V1: 0, V2: 1}, "one until its bytes are pinned"
    assert cluster.entry == V1
    bad = cluster.changed(V2, lambda p: replace(p, stage="bad"))
    after, made = bad.reconciled()
    assert replicas(made) == {V1: 2, V2: 0}
    assert reconciling(kubelets(after)) == ("Stalled", "ModelNotFound")
    good = on(kubelets(cluster), 2)
    assert good.entry == V2


def test_the_old_revision_stays_warm_and_hands_over_and_goes() -> None:
    cluster = on(replace(on(update(2), 3), action=f"promote@{V2}#1"), 3)
    made = told(cluster)
    assert (cluster.entry, made.stable, replicas(made)) == (V2, V2, {V1: 2, V2: 2})
    order = made.orders[V1]
    assert (order.revision, order.weight, order.hand_over, len(order.candidates)) == (V2, 100, True, 2)
    assert V2 not in made.orders
    assert reconciling(cluster) == ("True", "HandingOver")
    assert replicas(told(cluster.later(28))) == {V1: 2, V2: 2}
    assert replicas(told(cluster.later(31))) == {V1: 0, V2: 2}


def test_what_served_earlier_stays_for_its_own_delay_and_hands_over_to_the_last_one() -> None:
    cluster = on(replace(on(update(2), 3), action=f"promote@{V2}#1"), 3)
    cluster = on(replace(cluster, asked=spec("s3://m/3", 2, rollout=STEPS)), 3)
    cluster = on(replace(cluster, action=f"promote@{V3}#2"), 3)
    made = told(cluster)
    assert (cluster.entry, replicas(made)) == (V3, {V1: 2, V2: 2, V3: 2})
    assert [(made.orders[name].revision, made.orders[name].hand_over) for name in (V1, V2)] == [(V3, True)] * 2
    assert made.rollout is not None
    assert made.rollout.message == (
        f"{V2} hands over to {V3}, and stays warm for a while. So does what served before that: {V1}."
    )
    delays = [replicas(told(cluster.later(seconds))) for seconds in (26, 31)]
    assert delays == [{V1: 0, V2: 2, V3: 2}, {V1: 0, V2: 0, V3: 2}]


def test_a_version_that_comes_back_while_it_is_warm_is_told_to_stop_handing_over_before_it_serves() -> None:
    cluster = on(replace(on(update(2), 3), action=f"promote@{V2}#1"), 4)
    assert all(p.told and p.told.hand_over for p in cluster.there(V1))
    back, made = replace(cluster, asked=spec("s3://m/1", 2, rollout=STEPS)).reconciled()
    assert (made.stable, made.candidate) == (V2, V1)
    back, made = back.later(1).reconciled()
    assert (made.orders[V1].revision, made.orders[V1].weight, made.orders[V1].hand_over) == (None, 0, False)
    back, made = back.later(1).reconciled()
    assert (back.entry, made.stable) == (V1, V1)
    assert replicas(made) == {V1: 2, V2: 2}, "it was warm: nothing is loaded"


def test_a_hand_over_waits_for_the_entry() -> None:
    cluster = on(replace(on(update(2), 3), action=f"promote@{V2}#1"), 2)
    held = replace(cluster, entry=V1)
    made = told(held.later(100))
    assert made.orders == {}
    assert replicas(made) == {V1: 2, V2: 2}


def test_what_is_taken_back_keeps_its_pods_until_no_stable_pod_forwards_to_it() -> None:
    cluster = on(update(2), 3)
    after, made = replace(cluster, action=f"abort@{V2}#1", mute=True).reconciled()
    order = made.orders[V1]
    assert (order.revision, order.weight) == (None, 0)
    assert order.generation > told(cluster).orders[V1].generation
    assert replicas(made)[V2] == 1
    assert replicas(told(after.later(4.9)))[V2] == 1
    assert replicas(told(after.later(5)))[V2] == 0, "a pod that cannot be told is not waited for"
    heard, _ = replace(after, mute=False).reconciled()
    assert replicas(told(heard))[V2] == 0


def test_a_third_version_supersedes_the_second() -> None:
    cluster = replace(on(update(2), 3), asked=spec("s3://m/3", 2, rollout=STEPS))
    cluster, made = cluster.reconciled()
    assert (made.stable, made.candidate) == (V1, V3)
    cluster, made = cluster.later(1).reconciled()
    assert made.orders[V1].revision == V3
    assert made.planned(V2).revision.rejected is None
    cluster = on(cluster, 2)
    assert replicas(told(cluster))[V2] == 0


def test_a_breaking_signature_is_refused_with_the_difference() -> None:
    other = {"inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 64]}], "outputs": SIGNATURE["outputs"]}
    cluster = replace(update(2), signatures=((V2, other),))
    cluster = on(cluster, 2)
    seen = cluster.observed()
    stalled = conditions(seen, plan(seen), None)[2]
    assert (stalled.status, stalled.reason) == (True, "SignatureBreaks")
    assert "input x FP32[?,64] is gone" in stalled.message
    assert f"{V1} goes on serving" in stalled.message
    assert f"kubectl onnx retry {seen.name} -n {seen.namespace}" in stalled.message


@pytest.mark.parametrize(("rollout", "action", "expected"), [
    (STEPS, None, ("True", "RollingOut")),
    (STEPS, f"pause@{V2}#1", ("True", "Paused")),
    (STEPS, f"abort@{V2}#1", ("Stalled", "Aborted")),
])  # fmt: skip
def test_the_conditions_say_how_it_stands(rollout: Object, action: str | None, expected: tuple[str, str]) -> None:
    cluster, _ = replace(on(update(2, rollout), 3), action=action).reconciled()
    assert reconciling(cluster) == expected


@pytest.mark.parametrize(("requests", "late", "skipped", "again"), [
    (0, 0, [], 1.0), (19, 1, [], 1.0), (19, 3, [], 0.25), (19, 3, ["Errors"], 1.0),
])  # fmt: skip
def test_a_candidate_that_seems_to_fail_is_looked_at_often(
    requests: int, late: int, skipped: list[str], again: float
) -> None:
    cluster = on(update(2, {**STEPS, "analysis": {"skip": skipped}}), 3)
    seen = cluster.observed()
    arm = Arm(requests, late, requests - late, {"late": late})
    assert any(split and split.applied_weight for split in seen.splits.values())
    splits = {uid: replace(split, candidate=arm) if split else None for uid, split in seen.splits.items()}
    made = plan(replace(seen, splits=splits))
    assert (made.again, made.rollout and made.rollout.phase) == (again, "Progressing")


@pytest.mark.parametrize("others", ["new", "pending"])
def test_nothing_is_looked_at_again_while_pods_without_requests_may_take_their_time(others: str) -> None:
    cluster, _ = update(rollout={"strategy": "BlueGreen"}).reconciled()
    cluster, made = cluster.reconciled()
    assert made.again == 600, "none is ready: until the deadline"
    first, *_ = cluster.there(V2)
    cluster = cluster.changed(V2, lambda p: replace(p, stage="ready" if p.uid == first.uid else others)).later(3600)
    made = told(cluster)
    assert (made.again, made.stable, made.revisions[0].role) == (None, V1, "Candidate")


def test_suspended_it_begins_anew() -> None:
    cluster = on(update(2), 3)
    suspended = spec("s3://m/2", 2, rollout=STEPS, state="Suspended")
    cluster, made = replace(cluster, asked=suspended).reconciled()
    assert replicas(made) == {V1: 0, V2: 0}
    assert {name: (order.revision, order.weight) for name, order in made.orders.items()} == {V1: (None, 0)}
    assert made.again is None
    cluster = replace(cluster.later(3600), asked=spec("s3://m/2", 2, rollout=STEPS))
    cluster = on(cluster, 2)
    made = told(cluster)
    assert made.rollout is not None
    assert (made.rollout.phase, made.rollout.progress) == ("Progressing", "1/3")
    assert made.planned(V2).revision.rejected is None


def test_no_pod_is_asked_at_rest_and_all_are_while_something_is_under_way() -> None:
    cluster = update(2)
    assert asks(serving(2, STEPS).observed()) == frozenset()
    assert asks(cluster.observed()) == {V1}
    assert asks(on(cluster, 2).observed()) == {V1, V2}


def test_a_changed_rollout_is_for_the_next_one() -> None:
    cluster = on(update(2), 3)
    changed = replace(cluster, asked=spec("s3://m/2", 2, rollout={"steps": [{"weight": 90}], "stepSeconds": 0}))
    made = told(changed)
    assert made.rollout is not None
    assert (made.rollout.steps, made.rollout.weight) == (3, 25)


def test_the_status_is_the_same_from_look_to_look_while_nothing_happens() -> None:
    cluster = on(update(2), 4)
    busy = cluster.changed(V1, lambda p: replace(p, requests=230))
    busier = busy.changed(V1, lambda p: replace(p, requests=240)).later(1)
    assert told(busy).rollout == told(busier).rollout


def test_the_history_keeps_what_is_needed_and_no_more() -> None:
    none: Object = {**STEPS, "revisionHistoryLimit": 0}
    cluster = on(replace(on(update(2, none), 3), action=f"promote@{V2}#1"), 3)
    assert told(cluster).discarded == (), "it is warm still"
    assert told(cluster.later(31)).discarded == (V1,)
    aborted = on(replace(on(update(2, none), 3), action=f"abort@{V2}#1"), 4, 5)
    assert told(aborted).discarded == (), "or it would be made anew, and tried again"


def test_the_candidates_bytes_are_pinned_before_it_grows() -> None:
    cluster = update(4, {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0})
    first, made = cluster.reconciled()
    assert replicas(made)[V2] == 1
    _, made = kubelets(first).reconciled()
    assert made.planned(V2).revision.digest == digest()
    assert replicas(made)[V2] == 4
