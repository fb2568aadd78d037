"""Manual actions: each is carried out once, at its time, and of the revision that it names."""

from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.decide.conditions import conditions
from onnx_operator.decide.plan import Plan
from onnx_operator.decide.roles import plan
from tests.unit.operator.exploration.cluster import SmallCluster, clients, kubelets, serving
from tests.unit.operator.situations import SIGNATURE, name_of, spec

Object = dict[str, Any]

STEPS: Object = {
    "steps": [{"weight": 25}, {"pause": {}}, {"weight": 50}],
    "stepSeconds": 10,
    "scaleDownDelaySeconds": 0,
}
V1, V2, V3 = (name_of(spec(f"s3://m/{n}")) for n in (1, 2, 3))


def rolling(uri: str = "s3://m/2") -> SmallCluster:
    """Return a cluster in which a second version has its first requests."""
    return steps(ask(serving(2, STEPS), uri), 3)


def ask(cluster: SmallCluster, uri: str) -> SmallCluster:
    return replace(cluster, asked=spec(uri, 2, rollout=STEPS))


def steps(cluster: SmallCluster, count: int, seconds: float = 1) -> SmallCluster:
    for _ in range(count):
        cluster, _ = cluster.reconciled()
        cluster = clients(kubelets(cluster).later(seconds))
    return cluster


def act(cluster: SmallCluster, action: str) -> tuple[SmallCluster, Plan]:
    return replace(cluster, action=action).reconciled()


def answer(made: Plan) -> tuple[str, str]:
    assert made.action is not None
    return made.action.result, made.action.message


def phase(made: Plan) -> str | None:
    return made.rollout.phase if made.rollout else None


def test_a_pause_holds_and_resume_goes_on_from_there() -> None:
    cluster, made = act(rolling(), f"pause@{V2}#1")
    assert (answer(made)[0], phase(made)) == ("Accepted", "Paused")
    later = steps(cluster, 3, 60)
    assert phase(plan(later.observed())) == "Paused"
    _, resumed = act(later, f"resume@{V2}#1")
    assert phase(resumed) == "Paused", "now it is the pause of its steps"
    assert resumed.rollout is not None
    assert resumed.rollout.progress == "2/4"


def test_an_action_is_carried_out_once() -> None:
    cluster = steps(rolling(), 3, 10)
    assert phase(plan(cluster.observed())) == "Paused"
    cluster, _ = act(cluster, f"resume@{V2}#1")
    cluster, made = act(steps(cluster, 1), f"pause@{V2}#1")
    cluster, made = act(cluster, f"resume@{V2}#1")
    assert (answer(made)[0], phase(made)) == ("Accepted", "Paused"), "it was accepted before, and did its work then"
    _, made = act(cluster, f"resume@{V2}#2")
    assert phase(made) != "Paused"


def test_what_was_ignored_does_not_come_alive_later() -> None:
    cluster, made = act(rolling(), f"resume@{V2}#1")
    assert answer(made) == ("Ignored", f"The rollout of {V2} is not paused.")
    paused = plan(steps(cluster, 3, 10).observed())
    assert (answer(paused)[0], phase(paused)) == ("Ignored", "Paused")


def test_promote_leaves_out_steps_but_not_the_pods() -> None:
    cluster, made = act(rolling(), f"promote@{V2}#1")
    assert phase(made) == "Promoting"
    assert made.planned(V2).replicas == 2
    _, done = kubelets(cluster).reconciled()
    assert done.stable == V2


def test_promote_in_preflight_waits_for_it() -> None:
    cluster = steps(ask(serving(2, STEPS), "s3://m/2"), 1)
    waiting = replace(cluster, pods=tuple((n, tuple(replace(p, stage="new") if n == V2 else p for p in there))
                                          for n, there in cluster.pods))  # fmt: skip
    cluster, made = act(waiting, f"promote@{V2}#1")
    assert phase(made) == "Preflight"
    assert steps(cluster, 3).entry == V2


def test_an_aborted_revision_stays_away_until_it_is_retried() -> None:
    cluster, made = act(rolling(), f"abort@{V2}#1")
    assert [p.revision.name for p in made.rejected] == [V2]
    cluster = steps(cluster, 5, 10)
    made = plan(cluster.observed())
    assert (made.stable, made.candidate, phase(made)) == (V1, None, "Aborted")
    assert made.planned(V2).replicas == 0
    assert (made.planned(V2).role, made.again) == ("Rejected", None)
    live = replace(cluster, asked=spec("s3://m/2", 3, rollout={**STEPS, "stepSeconds": 1}))
    assert plan(live.observed()).planned(V2).revision.rejected, "a live field does not retry it"
    cluster, made = act(cluster, f"retry@{V2}#1")
    assert (answer(made)[0], made.candidate) == ("Accepted", V2)
    cluster = steps(cluster, 3, 10)
    assert phase(plan(cluster.observed())) == "Paused"


def test_a_rollback_rejects_what_the_spec_asks_for_and_goes_back_at_once() -> None:
    cluster = steps(replace(rolling(), action=f"promote@{V2}#1"), 3)
    assert cluster.entry == V2
    cluster, made = act(cluster, f"rollback@{V1}#1")
    assert answer(made)[0] == "Accepted"
    assert (made.stable, made.candidate) == (V2, V1)
    assert made.planned(V2).revision.rejected is not None
    cluster = steps(cluster, 4)
    made = plan(cluster.observed())
    assert (made.stable, made.candidate, made.wanted) == (V1, None, V2)
    assert {p.revision.name: p.replicas for p in made.revisions} == {V1: 2, V2: 0}
    _, made = act(cluster, f"retry@{V2}#1")
    assert made.candidate == V2
    assert made.rollout is None or made.rollout.steps == 4
    facts = made.planned(V2).revision.rollout
    assert facts is not None
    assert not facts.fast, "what was taken back once goes through all steps"


@pytest.mark.parametrize("done", [True, False], ids=["after it was done", "before it was done"])
def test_a_rollback_ends_with_a_later_promotion(done: bool) -> None:
    cluster, _ = act(steps(ask(promoted(), "s3://m/2"), 1), f"rollback@{V1}#1")
    if done:
        cluster = steps(cluster, 5)
        assert cluster.entry == V1
    cluster = steps(replace(ask(cluster, "s3://m/3"), action=None), 5)
    cluster = steps(replace(cluster, action=f"promote@{V3}#1"), 5)
    assert cluster.entry == V3
    cluster = steps(ask(cluster, "s3://m/2"), 5)
    made = plan(cluster.observed())
    assert (made.stable, made.target, cluster.entry) == (V3, V3, V3), "nobody asked for the first one, and V3 served"
    assert made.planned(V2).revision.rejected


def test_a_rollback_holds_although_the_clock_of_who_promoted_was_ahead() -> None:
    cluster, _ = act(promoted().later(-30), f"rollback@{V1}#1")
    assert steps(cluster, 5).entry == V1
    third = ask(promoted(), "s3://m/3")
    cluster, made = act(steps(third, 1).later(-60), f"rollback@{V1}#1")
    assert answer(made)[0] == "Accepted"
    assert steps(cluster, 5).entry == V1


def promoted() -> SmallCluster:
    """Return a cluster in which a second version has taken the first one's place."""
    cluster = steps(replace(rolling(), action=f"promote@{V2}#0"), 5)
    assert cluster.entry == V2
    return replace(cluster, action=None)


def test_a_version_that_served_before_comes_back_without_steps() -> None:
    cluster = steps(replace(rolling(), action=f"promote@{V2}#1"), 3)
    cluster = ask(cluster, "s3://m/1")
    cluster, made = cluster.reconciled()
    assert made.planned(V1).replicas == 2, "with all its pods"
    cluster = steps(kubelets(cluster), 2)
    assert cluster.entry == V1


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (f"promote@{V1}#1", "is not being rolled out"),
        (f"abort@{V1}#1", "is not being rolled out"),
        (f"pause@{V3}#1", "There is no revision"),
        (f"retry@{V2}#1", "is not rejected"),
        (f"rollback@{V2}#1", "is what the spec asks for"),
        (f"rollback@{V3}#1", "There is no revision"),
        ("promote@", "is not an action"),
    ],
)
def test_what_comes_at_the_wrong_time_is_ignored_and_says_why(action: str, says: str) -> None:
    before = rolling()
    after, made = act(before, action)
    result, message = answer(made)
    assert (result, says in message) == ("Ignored", True), message
    assert made.candidate == V2
    assert made.planned(V2).revision.rejected is None
    again = plan(after.observed())
    assert answer(again)[0] == "Ignored"


def test_before_anything_serves_there_is_nothing_to_act_on() -> None:
    cluster = SmallCluster(spec("s3://m/1", 2, rollout=STEPS))
    cluster, _ = cluster.reconciled()
    for action in ("promote", "abort", "retry", "rollback", "pause", "resume"):
        _, made = act(cluster, f"{action}@{V1}#1")
        assert answer(made)[0] == "Ignored"


def test_an_unmanaged_model_is_left_alone() -> None:
    cluster = rolling()
    unmanaged = replace(cluster, asked=spec("s3://m/2", 2, rollout=STEPS, state="Unmanaged"))
    made = plan(replace(unmanaged, action=f"abort@{V2}#1").observed())
    assert answer(made) == ("Ignored", "spec.state is Unmanaged: the operator changes nothing.")
    assert (made.orders, made.again, made.rollout) == ({}, None, None)


AT_ONCE: Object = {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0}


def version(cluster: SmallCluster, number: int, limit: int = 5) -> SmallCluster:
    """Return the cluster some time after a version was asked for, at once and with so many kept for the way back."""
    asked = spec(f"s3://m/{number}", 2, rollout={**AT_ONCE, "revisionHistoryLimit": limit})
    return steps(replace(cluster, asked=asked), 8, 10)


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_an_old_rollback_does_not_come_alive_when_the_version_that_it_was_about_is_forgotten(limit: int) -> None:
    cluster = version(version(SmallCluster(spec("s3://m/1", 2)), 1), 2)
    cluster = steps(replace(cluster, action=f"rollback@{V1}#1"), 8, 10)
    assert cluster.entry == V1
    for number in range(3, 12):
        cluster = version(cluster, number, limit)
        made = plan(cluster.observed())
        assert cluster.entry == made.stable == name_of(spec(f"s3://m/{number}"))
        assert (answer(made)[0], made.planned(made.wanted).revision.rejected) == ("Accepted", None)
    assert V2 not in {revision.name for revision in cluster.revisions}


@pytest.mark.parametrize("until", ["facts", "orders", "scales"])
def test_the_memory_of_an_action_outlives_its_revision_whenever_the_operator_is_killed(until: str) -> None:
    cluster = version(version(SmallCluster(spec("s3://m/1", 2)), 1), 2)
    cluster = steps(replace(cluster, action=f"rollback@{V1}#1"), 8, 10)
    for number in range(3, 8):
        cluster = replace(cluster, asked=spec(f"s3://m/{number}", 2, rollout={**AT_ONCE, "revisionHistoryLimit": 1}))
        for _ in range(12):
            cluster, _ = cluster.reconciled(until)
            cluster, made = cluster.reconciled()
            cluster = kubelets(cluster).later(10)
            assert made.planned(made.wanted).revision.rejected is None
    assert cluster.entry == name_of(spec("s3://m/7"))


@pytest.mark.parametrize(("action", "result"), [("abort", "Accepted"), ("pause", "Accepted"), ("resume", "Ignored")])
def test_an_old_action_does_not_come_alive_when_its_revision_is_made_anew(action: str, result: str) -> None:
    cluster = replace(rolling(), action=f"{action}@{V2}#1")
    cluster, made = cluster.reconciled()
    assert answer(made)[0] == result
    for number in (3, 4, 5, 1):
        cluster = version(cluster, number, 1)
    assert V2 not in {revision.name for revision in cluster.revisions}
    assert answer(plan(cluster.observed()))[0] == result, "and the answer stays"
    cluster = version(cluster, 2, 1)
    assert cluster.entry == V2


def test_what_came_before_its_revision_does_not_come_alive_with_it() -> None:
    cluster, made = act(rolling(), f"abort@{V3}#1")
    assert answer(made) == ("Ignored", f"There is no revision {V3}.")
    assert version(cluster, 3).entry == V3


MORE: Object = {**SIGNATURE, "outputs": [*SIGNATURE["outputs"], {"name": "extra", "datatype": "FP32", "shape": [-1]}]}


@pytest.mark.parametrize("rollout", [STEPS, AT_ONCE, {"strategy": "Recreate"}], ids=["Canary", "BlueGreen", "Recreate"])
@pytest.mark.parametrize("by_hand", [True, False])
def test_the_way_back_from_a_version_with_a_new_output_is_open(rollout: Object, by_hand: bool) -> None:
    cluster = replace(serving(2, rollout), asked=spec("s3://m/2", 2, rollout=rollout), signatures=((V2, MORE),))
    cluster = steps(replace(steps(cluster, 3), action=f"promote@{V2}#1"), 6)
    assert cluster.entry == V2
    back = {"action": f"rollback@{V1}#1"} if by_hand else {"asked": spec("s3://m/1", 2, rollout=rollout)}
    cluster = steps(replace(cluster, **back), 8)
    made = plan(cluster.observed())
    assert (cluster.entry, made.stable, made.candidate) == (V1, V1, None)
    assert made.planned(V1).revision.rejected is None
    again = steps(replace(cluster, asked=spec("s3://m/3", 2, rollout=AT_ONCE), signatures=((V3, BREAKING),)), 8)
    assert again.entry == V1, "what never served has to fit"


BREAKING: Object = {"inputs": SIGNATURE["inputs"], "outputs": MORE["outputs"][1:]}


def test_a_version_that_does_not_say_its_signature_is_waited_for_and_that_is_told() -> None:
    cluster = replace(serving(2, AT_ONCE), asked=spec("s3://m/2", 2, rollout=AT_ONCE), signatures=((V2, None),))
    cluster = steps(cluster, 6, 10)
    seen = cluster.observed()
    made = plan(seen)
    assert (made.stable, made.again) == (V1, 1.0), "and is asked again soon"
    moving = conditions(seen, made, None)[1]
    assert (moving.status, moving.reason) == (True, "RollingOut")
    assert "its signature, which a ready pod says on port 9000" in moving.message
    assert "spec.signature.breaking: Allow" in moving.message
    assert steps(replace(cluster, signatures=()), 4).entry == V2
    assert plan(replace(cluster, signatures=((V2, BREAKING),)).observed()).planned(V2).revision.rejected
    allowed = replace(cluster, asked=spec("s3://m/2", 2, rollout=AT_ONCE, signature={"breaking": "Allow"}))
    assert steps(allowed, 4).entry == V2
    late = steps(cluster, 1, 600)
    rejected = plan(late.observed()).planned(V2).revision.rejected
    assert rejected is not None
    assert rejected.reason == "ProgressDeadlineExceeded"
