"""What people ask of rollouts: manual actions, other strategies, too little room. KWOK plays the pods."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.cluster.kwok import PLAY, SIGNATURE
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object
from tests.e2e.kubectl import condition, eventually
from tests.integration.history import History, recorded
from tests.integration.namespace import MODEL, Namespace
from tests.integration.operator_process import OperatorProcess
from tests.integration.rollouts import (
    act,
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
from tests.integration.splits import orders, weights

HALF: Object = {"resources": {"requests": {"cpu": "40k"}}}
"""The node that KWOK plays has room for two such pods."""


@pytest.fixture
def history(plane: ControlPlane) -> Iterator[History]:
    """All that happens on the control plane."""
    with recorded(plane) as history:
        yield history


def test_people_pause_resume_and_promote_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    serve(namespace)
    new = ask(namespace, 2, rollout=canary(5, 25, 50, step_seconds=5))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    assert act(namespace, "pause", new, "1")["result"] == "Accepted"
    namespace.wait(MODEL, NAME, in_phase("Paused", weight=5))
    time.sleep(6)
    assert weights(orders(plane, namespace))[-1] == 5
    assert act(namespace, "resume", new, "2")["result"] == "Accepted"
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=25))
    assert act(namespace, "promote", "digits-nobody", "3")["result"] == "Ignored"
    assert act(namespace, "promote", new, "4")["result"] == "Accepted"
    namespace.wait(MODEL, NAME, serves_alone(2))
    assert 50 not in weights(orders(plane, namespace)), "the steps that were left were left out"
    story = events(namespace)
    assert [story.count(reason) for reason in ("Paused", "Resumed", "Promoted")] == [1, 1, 1]


def test_people_abort_and_try_again_with_pods_played_by_kwok(operator: OperatorProcess, namespace: Namespace) -> None:
    serve(namespace)
    new = ask(namespace, 2, rollout=canary(25, 100, step_seconds=600))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=25))
    assert act(namespace, "abort", new, "1")["result"] == "Accepted"
    model = namespace.wait(MODEL, NAME, taken_back(new, "Aborted"))
    assert condition(model, "Stalled")["reason"] == "Aborted"
    ask(namespace, 2, pods=3, rollout=canary(25, 100, step_seconds=0))
    model = namespace.wait(MODEL, NAME, lambda model: model["status"].get("readyReplicas") == 3)
    assert stable(1)(model), "a live field tries nothing again"
    assert act(namespace, "retry", new, "2")["result"] == "Accepted"
    model = namespace.wait(MODEL, NAME, serves_alone(2))
    assert model["status"].get("rejected", []) == []


def test_people_roll_back_with_pods_played_by_kwok(operator: OperatorProcess, namespace: Namespace) -> None:
    old = serve(namespace)
    new = serve(namespace, 2, rollout=canary(100, step_seconds=0))
    assert act(namespace, "rollback", old, "1")["result"] == "Accepted"
    model = namespace.wait(
        MODEL, NAME, lambda model: model["status"].get("stableRevision") == old and taken_back(new, "RolledBack")(model)
    )
    assert condition(model, "Stalled")["status"] == "True"
    assert condition(model, "Ready")["status"] == "True"
    ask(namespace, 1)
    namespace.wait(MODEL, NAME, serves_alone(1))


def test_a_refresh_rolls_out_as_any_version_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace, rollout=canary(50, 100))
    act(namespace, "refresh", old, "1")
    namespace.wait(MODEL, NAME, lambda model: model["status"]["stableRevision"] != old and not pods_of(namespace, old))
    assert {50, 100} <= {told.weight for told in orders(plane, namespace)}


def test_a_blue_green_rollout_shows_itself_and_waits_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    old = serve(namespace, pods=3)
    steps = {"strategy": "BlueGreen", "steps": [{"pause": {}}, {"pause": {"durationSeconds": 1}}]}
    more = {"routing": {"previewHeader": "x-preview"}}
    new = ask(namespace, 2, pods=3, rollout={**steps, "scaleDownDelaySeconds": 1}, **more)
    model = namespace.wait(MODEL, NAME, in_phase("Paused"))
    assert model["status"]["rollout"]["previewUrl"] == f"http://{new}.{namespace.name}.svc:8000"
    assert len(pods_of(namespace, new)) == 3
    assert namespace.get("Service", new) is not None
    told = [order for order in orders(plane, namespace) if order.revision == old]
    assert told
    assert all((order.weight, order.to) == (0, new) for order in told), "testers reach it, and nobody else"
    act(namespace, "resume", new, "1")
    namespace.wait(MODEL, NAME, serves_alone(2))


def test_recreate_takes_the_old_one_down_first_and_says_so_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, history: History
) -> None:
    old = serve(namespace)
    new = ask(namespace, 2, rollout={"strategy": "Recreate"})
    namespace.wait(MODEL, NAME, serves_alone(2))
    history.catch_up()
    both = [state for _, state in history.states(namespace.name) if state.ready(old) and state.ready(new)]
    assert both == []
    assert any("nobody is answered" in event["message"] for event in namespace.list("Event"))


def test_recreate_brings_the_old_one_back_when_the_new_one_fails_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    serve(namespace)
    template = {"annotations": {PLAY: "ModelNotFound"}}
    bad = ask(namespace, 2, rollout={"strategy": "Recreate"}, podTemplate=template)
    namespace.wait(MODEL, NAME, taken_back(bad, "ModelNotFound"))
    namespace.wait(MODEL, NAME, lambda model: condition(model, "Ready").get("status") == "True" and stable(1)(model))


def test_a_version_that_cannot_be_fetched_is_taken_back_at_once_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    serve(namespace)
    bad = ask(namespace, 2, podTemplate={"annotations": {PLAY: "ModelNotFound"}})
    model = namespace.wait(MODEL, NAME, taken_back(bad, "ModelNotFound"))
    assert condition(model, "Ready")["status"] == "True"
    assert {order.weight for order in orders(plane, namespace)} <= {0}


@pytest.mark.parametrize("breaking", ["Refuse", "Allow"])
def test_a_signature_that_breaks_clients_passes_only_if_it_may_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, breaking: str
) -> None:
    serve(namespace)
    signature: Object = {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 32]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 10]}],
    }
    template = {"annotations": {SIGNATURE: json.dumps(signature)}}
    rollout = canary(100, step_seconds=0)
    new = ask(namespace, 2, rollout=rollout, podTemplate=template, signature={"breaking": breaking})
    if breaking == "Allow":
        namespace.wait(MODEL, NAME, serves_alone(2))
        return
    model = namespace.wait(MODEL, NAME, taken_back(new, "SignatureBreaks"))
    assert "32" in condition(model, "Stalled")["message"]


def test_without_room_a_candidate_waits_with_the_schedulers_words_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    serve(namespace, **HALF)
    new = ask(namespace, 2, rollout=canary(100, step_seconds=0, progressDeadlineSeconds=5), **HALF)
    waits = namespace.wait(MODEL, NAME, lambda m: condition(m, "Reconciling").get("reason") == "CapacityPending")
    assert "Insufficient cpu" in condition(waits, "Reconciling")["message"]
    time.sleep(8)
    model = namespace.wait(MODEL, NAME, in_phase("Preflight"))
    assert model["status"].get("rejected", []) == [], "no deadline runs"
    assert "CapacityPending" in events(namespace)
    assert not [pod for pod in pods_of(namespace, new) if pod["spec"].get("nodeName")]


def test_without_room_a_rollout_may_give_up_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    serve(namespace, **HALF)
    rollout = canary(100, progressDeadlineSeconds=4, capacity={"whenNoCapacity": "Abort"})
    new = ask(namespace, 2, rollout=rollout, **HALF)
    namespace.wait(MODEL, NAME, taken_back(new, "NoCapacity"))


def test_the_stable_revision_lends_room_one_pod_at_a_time_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, history: History
) -> None:
    old = serve(namespace, **HALF)
    rollout = canary(50, 100, step_seconds=0, capacity={"whenNoCapacity": "ShrinkStable"})
    ask(namespace, 2, rollout=rollout, **HALF)
    namespace.wait(MODEL, NAME, serves_alone(2))
    history.catch_up()
    states = [state for _, state in history.states(namespace.name) if state.entry == old and state.needed]
    served = [len(state.ready(old)) for state in states]
    assert min(served[served.index(2) :]) == 1, "one lent its place, one stayed"


def test_an_autoscaler_does_not_shrink_the_stable_revision_during_a_rollout_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    scaling = {"minReplicas": 1, "maxReplicas": 4, "target": {"cpuPercent": 80}}
    spec = {"scaling": scaling, "resources": {"requests": {"cpu": "10m"}}}
    namespace.model(NAME, model={"uri": "s3://models/digits/1/model.onnx"}, **spec)
    model = namespace.wait(MODEL, NAME, serves_alone(1))
    old = model["status"]["stableRevision"]
    scale = {"spec": {"replicas": 3}}
    namespace.rest.patch(namespace.path("Deployment", old, "scale"), scale)
    namespace.wait(MODEL, NAME, lambda model: model["status"].get("readyReplicas") == 3)
    rollout = canary(50, step_seconds=600)
    namespace.model(NAME, model={"uri": "s3://models/digits/2/model.onnx"}, rollout=rollout, **spec)
    model = namespace.wait(MODEL, NAME, in_phase("Progressing", weight=50))
    autoscaler = namespace.get("HorizontalPodAutoscaler", old)
    assert autoscaler is not None
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (3, 4)
    new = model["status"]["candidateRevision"]
    assert len(pods_of(namespace, new)) == 2, "half of three, rounded up"
    namespace.model(NAME, model={"uri": "s3://models/digits/1/model.onnx"}, rollout=rollout, **spec)
    namespace.wait(MODEL, NAME, lambda _: not pods_of(namespace, new))
    eventually(
        "the floor is gone",
        lambda: (namespace.get("HorizontalPodAutoscaler", old) or {}).get("spec", {}).get("minReplicas") == 1,
    )


def test_somebody_else_may_split_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace, plane: ControlPlane
) -> None:
    serve(namespace)
    ask(namespace, 2, rollout=canary(25, 100), routing={"provider": "External"})
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=25))
    namespace.wait(MODEL, NAME, serves_alone(2))
    assert orders(plane, namespace) == []


def test_a_candidate_that_loses_its_pods_is_taken_back_with_pods_played_by_kwok(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    serve(namespace)
    new = ask(namespace, 2, rollout=canary(5, step_seconds=600))
    namespace.wait(MODEL, NAME, in_phase("Progressing", weight=5))
    time.sleep(7)  # a pod that was made just before would be taken for one that replaces the lost one
    play(namespace, pods_of(namespace, new)[0], **{PLAY: "Loading"})
    namespace.wait(MODEL, NAME, taken_back(new, "CandidateUnready"))
