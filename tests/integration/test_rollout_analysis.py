"""Rollouts that are judged by evidence: what holds them, what ends them, and what comes when nothing can be said.

KWOK plays the pods; what they have seen of the candidate is said by their annotations (`tests.cluster.split_stand_in`).
"""

import time
from collections.abc import Iterator

import pytest

from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object, RestError
from tests.cluster.split_stand_in import SEES
from tests.e2e.kubectl import condition
from tests.integration.audit import Audit, said
from tests.integration.history import History, recorded
from tests.integration.installation import forget_lease
from tests.integration.namespace import MODEL, Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator
from tests.integration.rollouts import (
    Check,
    act,
    ask,
    events,
    in_phase,
    play,
    pods_of,
    serve,
    serves_alone,
    stable,
    taken_back,
)
from tests.integration.scenarios import NAME, uri
from tests.integration.splits import orders, weights

QUICK: Object = {"stepSeconds": 1, "scaleDownDelaySeconds": 1}
"""The default steps, one second each."""


@pytest.fixture(autouse=True)
def lawful(plane: ControlPlane, namespace: Namespace) -> Iterator[History]:
    """Whatever a test does, the invariants hold in every state that the API server went through."""
    with recorded(plane) as history:
        yield history
        history.catch_up()
        assert history.violations(namespace.name) == []


def sees(namespace: Namespace, revision: str, what: str) -> None:
    """Have all pods of a revision see something else."""
    for pod in pods_of(namespace, revision):
        play(namespace, pod, **{SEES: what})


def seeing(what: str) -> Object:
    """Return the part of a spec that has a revision's pods see something from the beginning."""
    return {"podTemplate": {"annotations": {SEES: what}}}


def checks(model: Object) -> dict[str, Object]:
    return {check["check"]: check for check in model["status"]["rollout"].get("checks", [])}


def holding(*which: str) -> Check:
    """Return a check that the rollout is in its first step, and these checks cannot say anything yet."""

    def check(model: Object) -> bool:
        rollout = model.get("status", {}).get("rollout", {})
        if rollout.get("step") != 1 or rollout.get("phase") != "Progressing":
            return False
        return {name for name, found in checks(model).items() if found["verdict"] == "Unknown"} >= set(which)

    return check


def test_without_a_word_requests_are_copied_before_anybody_gets_an_answer_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    ask(namespace, 2, rollout=QUICK)
    first = namespace.wait(MODEL, NAME, lambda model: model["status"].get("rollout", {}).get("step") == 1)
    assert (first["status"]["rollout"]["steps"], first["status"]["rollout"]["weight"]) == (5, 0)
    judged = namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    passed = {name for name, check in checks(judged).items() if check["verdict"] == "Pass"}
    assert passed >= {"readiness", "restarts", "errors", "outputs", "health", "latency"}
    assert checks(judged)["outputs"]["samples"] == 2000, "two pods"
    assert checks(judged)["errors"]["trend"]
    namespace.wait(MODEL, NAME, serves_alone(2))
    told = [order for order in orders(plane, namespace) if order.revision == old]
    assert {order.shadow for order in told if order.weight} == {0}, "a shadow ends with its step"
    assert {order.weight for order in told if order.shadow} == {0}
    for pod in {order.pod for order in told}:
        mine = [order for order in told if order.pod == pod]
        assert weights(mine) == [0, 5, 25, 50, 100]
        assert len({order.course for order in mine if not order.hand_over}) == 1
    story = [reason for reason in events(namespace) if reason not in {"Ready", "NotReady"}]
    assert story == ["RolloutStarted", "StepStarted", *["StepStarted", "WeightSet"] * 4, "Promoted", "HandedOver"]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("Errors", "CandidateErrors"),
        ("Slow", "CandidateSlower"),
        ("Wrong", "OutputsDiffer"),
        ("NaN", "OutputsBroken"),
        ("Stuck", "OutputsBroken"),
    ],
)
def test_what_the_stable_pods_see_takes_a_candidate_back_before_a_user_has_its_answer_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane, what: str, reason: str
) -> None:
    serve(namespace, **seeing(what))
    bad = ask(namespace, 2, rollout=QUICK, **seeing(what))
    model = namespace.wait(MODEL, NAME, taken_back(bad, reason))
    assert stable(1)(model)
    assert condition(model, "Stalled")["reason"] == reason
    assert condition(model, "Ready")["status"] == "True"
    assert {order.weight for order in orders(plane, namespace)} == {0}
    assert orders(plane, namespace)[-1].shadow == 0


def test_a_candidate_whose_memory_grows_is_taken_back_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    serve(namespace)
    bad = ask(namespace, 2, rollout={**QUICK, "stepSeconds": 600}, **seeing("Leaks"))
    namespace.wait(MODEL, NAME, taken_back(bad, "CandidateLeaks"))


def test_a_candidate_that_fails_its_own_test_data_is_asked_nothing_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    serve(namespace)
    bad = ask(namespace, 2, rollout=QUICK, **seeing("Golden"))
    model = namespace.wait(MODEL, NAME, taken_back(bad, "GoldenMismatch"))
    assert "test_data_set_0" in condition(model, "Stalled")["message"]
    assert {(order.weight, order.shadow) for order in orders(plane, namespace)} <= {(0, 0)}


@pytest.mark.parametrize(("change", "passes"), [("Retrained", True), ("Equivalent", False)])
def test_outputs_may_move_with_a_retrained_model_and_not_with_an_equivalent_one_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, change: str, passes: bool
) -> None:
    serve(namespace, **seeing("Moved"))
    model = {"uri": uri(2), "change": change}
    namespace.model(NAME, model=model, scaling={"minReplicas": 2}, rollout=QUICK, **seeing("Moved"))
    if passes:
        namespace.wait(MODEL, NAME, serves_alone(2))
        return
    found = namespace.wait(MODEL, NAME, lambda seen: seen["status"].get("rejected"))
    assert found["status"]["rejected"][0]["reason"] == "OutputsDiffer"


def test_without_traffic_it_holds_says_what_it_waits_for_and_goes_on_when_there_is_some_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane, audit: Audit
) -> None:
    old = serve(namespace, **seeing("Nothing"))
    ask(namespace, 2, rollout=QUICK, **seeing("Nothing"))
    namespace.wait(MODEL, NAME, holding("errors", "outputs", "health", "latency"))
    time.sleep(3)
    model = namespace.wait(MODEL, NAME, holding("errors", "outputs", "health", "latency"))
    assert "0 of 100" in model["status"]["rollout"]["message"]
    assert model["status"]["rollout"]["message"] in condition(model, "Reconciling")["message"]
    settled_at = audit.position()
    time.sleep(4)
    assert said(audit.writes(settled_at, namespace=namespace.name)) == [], "a look that sees nothing new writes nothing"
    assert {order.weight for order in orders(plane, namespace)} == {0}
    sees(namespace, old, "")
    namespace.wait(MODEL, NAME, serves_alone(2))


@pytest.mark.parametrize("then", ["Pause", "Promote", "Abort"])
def test_what_comes_when_nothing_can_be_said_is_as_was_asked_for_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, then: str
) -> None:
    serve(namespace, **seeing("Nothing"))
    analysis = {"maxWaitSeconds": 2, "whenInconclusive": then}
    rollout = {**QUICK, "steps": [{"shadow": {}}, {"weight": 50}], "analysis": analysis}
    new = ask(namespace, 2, rollout=rollout, **seeing("Nothing"))
    if then == "Abort":
        model = namespace.wait(MODEL, NAME, taken_back(new, "Inconclusive"))
        assert "0 of 100" in condition(model, "Stalled")["message"]
        assert condition(model, "Stalled")["reason"] == "Inconclusive"
        return
    if then == "Promote":
        namespace.wait(MODEL, NAME, serves_alone(2))
        assert events(namespace).count("AnalysisInconclusive") == 3, "in each step"
        return
    model = namespace.wait(MODEL, NAME, in_phase("Paused"))
    rollout = model["status"]["rollout"]
    assert (rollout["pausedBy"], rollout["step"], rollout["weight"]) == ("Inconclusive", 1, 0)
    assert condition(model, "Reconciling")["reason"] == "Inconclusive"
    assert act(namespace, "pause", new, "1")["result"] == "Ignored"
    assert act(namespace, "resume", new, "2")["result"] == "Accepted"
    model = namespace.wait(MODEL, NAME, lambda seen: seen["status"]["rollout"]["step"] == 2)
    namespace.wait(MODEL, NAME, in_phase("Paused", weight=50))
    assert act(namespace, "promote", new, "3")["result"] == "Accepted"
    namespace.wait(MODEL, NAME, serves_alone(2))
    assert events(namespace).count("AnalysisInconclusive") == 2


@pytest.mark.parametrize(("what", "reason"), [("Wrong", "OutputsDiffer"), ("", None)])
def test_an_operator_that_is_killed_while_it_judges_leaves_the_verdict_as_it_was_with_pods_played_by_kwok(
    start_operator: StartOperator,
    operator: OperatorProcess,
    namespace: Namespace,
    plane: ControlPlane,
    what: str,
    reason: str | None,
) -> None:
    old = serve(namespace, **seeing("Nothing"))
    new = ask(namespace, 2, rollout=QUICK, **seeing("Nothing"))
    namespace.wait(MODEL, NAME, holding("outputs"))
    operator.kill()
    sees(namespace, old, what)
    forget_lease(plane)
    start_operator().wait_leading()
    namespace.wait(MODEL, NAME, taken_back(new, reason) if reason else serves_alone(2))
    courses = {order.course for order in orders(plane, namespace) if order.revision == old and order.course}
    assert len(courses) == 1, "the evidence of before counts"


def test_a_weight_may_ask_for_answers_of_its_own_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    serve(namespace)

    # Each of two pods has given ten requests a percent.
    def asking(count: int) -> Object:
        steps = [{"shadow": {}}, {"weight": 5, "minSamples": count}, {"weight": 100}]
        return {**QUICK, "steps": steps, "analysis": {"maxWaitSeconds": 3}}

    new = ask(namespace, 2, rollout=asking(101))
    model = namespace.wait(MODEL, NAME, in_phase("Paused", weight=5))
    assert "100 of 101 clients" in model["status"]["rollout"]["inconclusive"]
    act(namespace, "abort", new, "1")
    namespace.wait(MODEL, NAME, taken_back(new, "Aborted"))
    ask(namespace, 3, rollout=asking(100))
    namespace.wait(MODEL, NAME, serves_alone(3))


def test_a_blue_green_rollout_may_compare_before_it_takes_over_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    rollout = {**QUICK, "strategy": "BlueGreen", "steps": [{"shadow": {"percent": 20}}, {"pause": {}}]}
    new = ask(namespace, 2, rollout=rollout)
    namespace.wait(MODEL, NAME, in_phase("Paused", weight=0))
    told = [order for order in orders(plane, namespace) if order.revision == old]
    assert {order.shadow for order in told} == {0, 20}
    assert told[-1].shadow == 0, "the shadow has ended"
    act(namespace, "resume", new, "1")
    namespace.wait(MODEL, NAME, serves_alone(2))


def test_where_somebody_else_splits_nothing_waits_for_evidence_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    serve(namespace, **seeing("Nothing"))
    ask(namespace, 2, rollout=QUICK, routing={"provider": "External"}, **seeing("Nothing"))
    model = namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    assert set(checks(model)) == {"golden", "readiness", "restarts"}
    namespace.wait(MODEL, NAME, serves_alone(2))
    assert orders(plane, namespace) == []


def test_servers_older_than_analysis_are_rolled_out_from_without_it_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace, **seeing("Old"))
    ask(namespace, 2, rollout=QUICK)
    namespace.wait(MODEL, NAME, serves_alone(2))
    told = [order for order in orders(plane, namespace) if order.revision == old]
    assert {5, 25, 50, 100} <= {order.weight for order in told}
    assert {(order.course, order.shadow) for order in told} == {("", 0)}, "they are told what they know"


def test_what_is_left_out_judges_nothing_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    serve(namespace, **seeing("Wrong"))
    skipped = {"skip": ["Outputs", "Latency", "Memory"]}
    ask(namespace, 2, rollout={**QUICK, "analysis": skipped}, **seeing("Wrong"))
    model = namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    assert set(checks(model)) == {"golden", "readiness", "restarts", "errors"}
    namespace.wait(MODEL, NAME, serves_alone(2))


STEP = "a step has one of weight, pause and shadow"


@pytest.mark.parametrize(
    ("rollout", "words"),
    [
        ({"steps": [{}]}, STEP),
        ({"steps": [{"weight": 5, "shadow": {}}]}, STEP),
        ({"steps": [{"pause": {}, "shadow": {}}]}, STEP),
        ({"steps": [{"shadow": {}, "minSamples": 5}]}, "minSamples of a step goes with its weight"),
        ({"steps": [{"shadow": {"percent": 0}}]}, "should be greater than or equal to 1"),
        ({"steps": [{"shadow": {"percent": 101}}]}, "should be less than or equal to 100"),
        ({"steps": [{"shadow": {}}, {"weight": 50}, {"weight": 5}]}, "the weights must grow"),
        ({"strategy": "BlueGreen", "steps": [{"weight": 5}]}, "steps are pauses and shadows"),
        ({"strategy": "Recreate", "steps": [{"shadow": {}}]}, "there are no steps"),
        ({"analysis": {"outputs": {"relativeTolerance": "-1"}}}, "relativeTolerance"),
        ({"analysis": {"whenInconclusive": "Hope"}}, "whenInconclusive"),
        ({"analysis": {"prometheus": [{"name": "p", "query": "up"}]}}, "min, max or both"),
    ],
)
def test_what_no_rollout_can_be_is_refused_at_admission(namespace: Namespace, rollout: Object, words: str) -> None:
    with pytest.raises(RestError) as refused:
        namespace.create_model("wrong", {"model": {"uri": uri(1)}, "rollout": rollout})
    assert refused.value.code == 422
    assert words in str(refused.value)


def test_the_name_of_what_a_change_is_makes_no_revision(operator: OperatorProcess, namespace: Namespace) -> None:
    revision = serve(namespace)
    namespace.model(NAME, model={"uri": uri(1), "change": "Equivalent"}, scaling={"minReplicas": 2})
    operator.wait_idle()
    found = namespace.wait(MODEL, NAME, serves_alone(1))
    assert [one["name"] for one in found["status"]["revisions"]] == [revision]
    assert found["spec"]["model"]["change"] == "Equivalent"
