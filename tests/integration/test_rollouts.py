"""Whole rollouts before a real API server: what pods are told, and when. KWOK plays the pods, which forward nothing."""

import time
from collections.abc import Iterator

import pytest

from tests.cluster.kwok import PLAY
from tests.cluster.plane import ControlPlane
from tests.cluster.split_stand_in import BREAKER, SPLIT
from tests.e2e.kubectl import condition, eventually
from tests.integration.history import History, recorded
from tests.integration.installation import forget_lease
from tests.integration.namespace import MODEL, Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator
from tests.integration.rollouts import (
    FAILS,
    ask,
    canary,
    events,
    in_phase,
    play,
    pods_of,
    serve,
    serves_alone,
    stable,
    taken_back,
)
from tests.integration.scenarios import NAME
from tests.integration.splits import Told, first_failure, orders, weights

AT_MOST = 2.0
"""Seconds from the first failure that a pod tells of until every stable pod that answers has weight 0."""


@pytest.fixture
def history(plane: ControlPlane) -> Iterator[History]:
    """All that happens on the control plane."""
    with recorded(plane) as history:
        yield history


@pytest.fixture(autouse=True)
def lawful(history: History, namespace: Namespace) -> Iterator[None]:
    """Whatever a test does, the invariants hold in every state that the API server went through."""
    yield
    history.catch_up()
    assert history.violations(namespace.name) == []


def by_pod(told: list[Told], revision: str) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for order in told:
        if order.revision == revision:
            found.setdefault(order.pod, []).append(order)
    return found


def test_a_canary_is_promoted_step_by_step_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace, 1, pods=3)
    assert orders(plane, namespace) == [], "at rest nobody is told anything"
    new = ask(namespace, 2, pods=3, rollout=canary(5, 25, 50, 100))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    first = {pod["metadata"]["uid"] for pod in pods_of(namespace, new)}
    assert len(first) == 1, "5 % of 3 pods need one"
    namespace.wait(MODEL, NAME, serves_alone(2))

    told = by_pod(orders(plane, namespace), old)
    assert len(told) == 3
    for mine in told.values():
        assert [weight for weight in weights(mine) if weight] == [5, 25, 50, 100]
        generations = [order.generation for order in mine]
        assert generations == sorted(generations)
        assert all(order.to == new for order in mine if order.weight)
        for order in mine:
            needed = -(-3 * order.weight // 100)
            assert len(order.candidates) >= needed, f"{order.weight} % to {len(order.candidates)} pods"
        assert [order.hand_over for order in mine][-1], "old connections are handed over"
        assert first <= set(mine[-1].candidates)
    for before, after in ((5, 25), (25, 50), (50, 100)):
        applied = max(order.at for mine in told.values() for order in mine if order.weight == before)
        raised = min(order.at for mine in told.values() for order in mine if order.weight == after)
        assert raised - applied >= 0.9, "all have applied a weight, and a second has passed, before the next"
    assert first <= {pod["metadata"]["uid"] for pod in pods_of(namespace, new)}, "no pod was built anew"
    story = [reason for reason in events(namespace) if reason not in {"Ready", "NotReady"}]
    assert story == ["RolloutStarted", *["StepStarted", "WeightSet"] * 4, "Promoted", "HandedOver"]


def test_a_promoted_revisions_predecessor_stays_warm_for_the_delay_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    new = ask(namespace, 2, rollout=canary(100, step_seconds=0, delay=6))
    namespace.wait(MODEL, NAME, stable(2))
    promoted = time.monotonic()
    namespace.wait(MODEL, NAME, in_phase("HandingOver"))
    assert len(pods_of(namespace, old)) == 2
    eventually(
        "handed over",
        lambda: all(mine[-1].hand_over for mine in by_pod(orders(plane, namespace), old).values()),
        patience=5,
    )
    for mine in by_pod(orders(plane, namespace), old).values():
        assert (mine[-1].weight, mine[-1].to, len(mine[-1].candidates)) == (100, new, 2)
    namespace.wait(MODEL, NAME, serves_alone(2))
    assert 5 <= time.monotonic() - promoted <= 15


@pytest.mark.parametrize("hangs", [False, True], ids=["all answer", "one hangs"])
def test_errors_of_the_candidate_end_its_rollout_within_seconds_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane, hangs: bool
) -> None:
    old = serve(namespace, pods=3)
    bad = ask(namespace, 2, pods=3, rollout=canary(5, 50, step_seconds=600))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    one, other, *_ = pods_of(namespace, old)
    if hangs:
        play(namespace, other, **{SPLIT: "Slow"})
        time.sleep(0.5)
    play(namespace, one, **FAILS)
    model = namespace.wait(MODEL, NAME, taken_back(bad, "CandidateErrors"))

    failed, told = first_failure(plane, namespace), by_pod(orders(plane, namespace), old)
    hung = {other["metadata"]["uid"]} if hangs else set()
    for pod, mine in told.items():
        zeros = [order.at for order in mine if order.weight == 0 and order.at >= failed]
        assert pod in hung or (zeros and zeros[0] - failed < AT_MOST), f"{pod} was told {mine}"
    assert condition(model, "Stalled")["reason"] == "CandidateErrors"
    assert condition(model, "Ready")["status"] == "True"
    assert stable(1)(model)
    deployment = namespace.get("Deployment", bad)
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 0
    assert events(namespace).count("Aborted") == 1
    time.sleep(3)
    assert namespace.wait(MODEL, NAME, taken_back(bad, "CandidateErrors"))["status"]["stableRevision"] == old


def test_an_open_breaker_ends_the_rollout_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    old = serve(namespace)
    bad = ask(namespace, 2, rollout=canary(5, 50, step_seconds=600))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    play(namespace, pods_of(namespace, old)[0], **{BREAKER: "10 of the last 20 forwards failed"})
    model = namespace.wait(MODEL, NAME, taken_back(bad, "CandidateErrors"))
    assert "10 of the last 20" in condition(model, "Stalled")["message"]


@pytest.mark.parametrize("silent", ["Mute", "Deaf", "Slow"])
def test_a_pod_that_does_not_take_its_split_holds_an_increase_and_no_decrease_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane, silent: str
) -> None:
    old = serve(namespace)
    new = ask(namespace, 2, rollout=canary(5, 50, 100, step_seconds=3))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    one, other = pods_of(namespace, old)
    play(namespace, one, **{SPLIT: silent})
    eventually(
        "the one that listens is told 50", lambda: weights(by_pod(orders(plane, namespace), old)[uid(other)])[-1] == 50
    )
    time.sleep(5)
    assert weights(by_pod(orders(plane, namespace), old)[uid(other)])[-1] == 50, "100 has to wait"

    ask(namespace, 1)
    began = time.monotonic()
    namespace.wait(MODEL, NAME, lambda model: not pods_of(namespace, new))
    assert time.monotonic() - began < 20, "a decrease does not wait for it"
    assert weights(by_pod(orders(plane, namespace), old)[uid(other)])[-1] == 0


def uid(pod: dict[str, dict[str, str]]) -> str:
    return pod["metadata"]["uid"]


def test_a_spec_that_goes_back_takes_the_candidate_back_quietly_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    new = ask(namespace, 2, rollout=canary(25, step_seconds=600))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=25))
    ask(namespace, 1)
    model = namespace.wait(MODEL, NAME, serves_alone(1))
    assert model["status"].get("rejected", []) == []
    assert not pods_of(namespace, new)
    assert all(mine[-1].weight == 0 for mine in by_pod(orders(plane, namespace), old).values())
    assert "RolledBack" in events(namespace)


def test_a_third_version_supersedes_the_second_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    second = ask(namespace, 2, rollout=canary(25, step_seconds=600))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=25))
    third = ask(namespace, 3, rollout=canary(50, 100))
    namespace.wait(MODEL, NAME, serves_alone(3))
    assert not pods_of(namespace, second)
    for mine in by_pod(orders(plane, namespace), old).values():
        to = [order.to == third for order in mine if order.weight]
        assert to == sorted(to), "first the one, then the other"
        assert {order.to for order in mine if order.weight} == {second, third}
        assert [order.generation for order in mine] == sorted(order.generation for order in mine)
    assert "Superseded" in events(namespace)


def test_what_served_before_is_back_without_steps_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    new = serve(namespace, 2, rollout=canary(100, step_seconds=0))
    ask(namespace, 1, rollout=canary(5, 50, step_seconds=600))
    namespace.wait(MODEL, NAME, serves_alone(1))
    for mine in by_pod(orders(plane, namespace), new).values():
        assert {order.weight for order in mine if order.to == old} <= {0, 100}, "no step was taken"


def test_a_way_back_while_the_predecessor_is_warm_ends_its_hand_over_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    new = ask(namespace, 2, rollout=canary(100, step_seconds=0, delay=600))
    namespace.wait(MODEL, NAME, in_phase("HandingOver"))
    eventually("handed over", lambda: any(told.hand_over for told in orders(plane, namespace)))
    ask(namespace, 1, rollout=canary(5, delay=1))
    namespace.wait(MODEL, NAME, serves_alone(1))
    for mine in by_pod(orders(plane, namespace), old).values():
        assert not mine[-1].hand_over, "it forwards to nobody what it is to answer itself"
    assert not pods_of(namespace, new)


@pytest.mark.parametrize("phase", ["Preflight", "Progressing", "Paused", "HandingOver"])
def test_an_operator_that_was_away_for_a_while_goes_on_where_it_was_with_pods_played_by_kwok(
    start_operator: StartOperator, operator: OperatorProcess, namespace: Namespace, plane: ControlPlane, phase: str
) -> None:
    old = serve(namespace)
    steps = [{"weight": 25}, {"pause": {"durationSeconds": 2}}, {"weight": 100}]
    play_first = {"annotations": {PLAY: "Loading"}} if phase == "Preflight" else {}
    rollout = {"steps": steps, "stepSeconds": 1, "scaleDownDelaySeconds": 3}
    new = ask(namespace, 2, rollout=rollout, podTemplate=play_first)
    namespace.wait(MODEL, NAME, in_phase(phase))
    operator.kill()
    forget_lease(plane)
    for pod in pods_of(namespace, new):
        play(namespace, pod, **{PLAY: "Ready"})
    time.sleep(3)
    following = start_operator()
    following.wait_leading()
    if phase == "Preflight":
        eventually("the later pods are let go, too", lambda: _let_go(namespace, new))
    else:
        namespace.wait(MODEL, NAME, serves_alone(2))
    for mine in by_pod(orders(plane, namespace), old).values():
        generations = [order.generation for order in mine]
        assert generations == sorted(generations)
        shares = [order.weight for order in mine if order.to == new]
        assert shares == sorted(shares), "no weight goes back because an operator does not know where it was"


def _let_go(namespace: Namespace, revision: str) -> bool:
    for pod in pods_of(namespace, revision):
        play(namespace, pod, **{PLAY: "Ready"})
    return bool(serves_alone(2)(namespace.wait(MODEL, NAME, bool)))


def test_a_candidate_that_fails_while_no_operator_looks_is_taken_back_by_the_next_with_pods_played_by_kwok(
    start_operator: StartOperator, operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace)
    bad = ask(namespace, 2, rollout=canary(5, 100, step_seconds=2))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    operator.kill()
    play(namespace, pods_of(namespace, old)[0], **FAILS)
    time.sleep(3)
    forget_lease(plane)
    start_operator().wait_leading()
    model = namespace.wait(MODEL, NAME, taken_back(bad, "CandidateErrors"))
    assert stable(1)(model)
    assert 100 not in {order.weight for order in orders(plane, namespace)}
