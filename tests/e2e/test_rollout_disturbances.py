"""What happens to a rollout on its way - pods, the operator and the kubelet killed, another wish - costs no request."""

import time
from collections.abc import Callable

import pytest

from tests.cluster import Cluster
from tests.e2e import misbehaving_models as bad
from tests.e2e.judging import samples
from tests.e2e.kubectl import Kubectl, Object, condition, eventually, settled
from tests.e2e.load import by_version
from tests.e2e.models import scale_model
from tests.e2e.replicas import Replicas
from tests.e2e.scenario import FORCED, QUICK, Scenario, steady

SLOW: Object = {**QUICK, "steps": [{"weight": 25}, {"weight": 50}, {"weight": 100}], "stepSeconds": 5}

NOTICED = 5.0
"""Seconds within which the node has noticed that a server is gone, and leads nobody to it any more."""


def test_a_pod_of_the_candidate_is_killed(scenario: Scenario) -> None:
    scenario.serve(rollout=SLOW)
    new = scenario.ask(scale_model(2.0))
    scenario.wait_weight(25)
    (pod,) = scenario.watched.pods(new)
    scenario.kubectl("delete", "pod", pod["metadata"]["name"], *FORCED)
    scenario.wait_promoted(new)
    requests = scenario.finish("candidate pod killed", new)
    assert by_version(requests)[new.rpartition("-")[2]] > 100


def test_a_pod_of_the_stable_revision_is_deleted(scenario: Scenario) -> None:
    """It ends as pods end when a node is drained; what a killed one had taken nobody can answer."""
    scenario.serve(rollout=SLOW)
    new = scenario.ask(scale_model(2.0))
    scenario.wait_weight(25)
    scenario.damaged.add(("Deployment", scenario.stable))
    pod = scenario.watched.pods(scenario.stable)[0]
    scenario.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    scenario.wait_promoted(new)
    requests = scenario.finish("stable pod deleted", new)
    scenario.check_shares(new, {25, 50, 100}, requests)
    assert pod["metadata"]["uid"] not in {other["metadata"]["uid"] for other in scenario.watched.pods()}


def test_a_server_of_the_stable_revision_is_killed(scenario: Scenario, cluster: Cluster) -> None:
    """Without a word: what it had taken is lost, and what comes until the node has noticed; nothing else is."""
    scenario.serve(rollout=SLOW)
    new = scenario.ask(scale_model(2.0))
    scenario.wait_weight(25)
    scenario.damaged.add(("Deployment", scenario.stable))
    (server,) = scenario.watched.pods(scenario.stable)[0]["status"]["containerStatuses"]
    killed = time.monotonic()
    cluster.kill_container(server["containerID"])
    scenario.wait_promoted(new)
    requests = scenario.finish("stable server killed by SIGKILL", new, outage=(killed, killed + NOTICED))
    scenario.check_shares(new, {25, 50, 100}, requests)
    states = scenario.watched.history.changes[scenario.watched.namespace]
    restarted = {
        change.obj["metadata"]["name"]
        for change in states
        if change.obj and change.name[0] == "Pod"
        for status in change.obj["status"].get("containerStatuses", [])
        if status["restartCount"] > 0
    }
    assert len(restarted) == 1, "one server was killed, and no other one ended"


def test_the_operator_is_killed_in_each_state(scenario: Scenario, operator: Kubectl) -> None:
    replicas = Replicas(operator)
    steps = [{"weight": 25}, {"pause": {}}, {"weight": 100}]
    scenario.serve(rollout={"steps": steps, "stepSeconds": 5, "scaleDownDelaySeconds": 10})
    new = scenario.ask(scale_model(2.0))
    for phase in ("Preflight", "Progressing", "Paused", "Promoting", "HandingOver"):
        if phase == "Promoting":
            scenario.act("promote", new)
        scenario.wait(in_phase(phase))
        _kill(operator, replicas)
    scenario.wait_promoted(new)
    requests = scenario.finish("operator killed in each of 5 phases", new)
    scenario.check_shares(new, {25}, requests)
    assert len(scenario.watched.pods(new)) == 2


def test_the_operator_is_killed_while_it_takes_a_version_back(scenario: Scenario, operator: Kubectl) -> None:
    replicas = Replicas(operator)
    scenario.serve(rollout=steady(25))
    new = scenario.ask(bad.failing())
    fault = scenario.failed_at("serverError")
    scenario.wait(lambda m: m["status"].get("rejected"))
    _kill(operator, replicas)
    scenario.wait_rejected(new, "CandidateErrors")
    # Who takes over waits for the Lease to run out; until then the breakers of the stable pods stand in for it.
    scenario.finish("operator killed in RollingBack", new, fault, within=None)


@pytest.mark.parametrize("phase", ["Preflight", "Paused", "Promoting"])
def test_a_rollout_is_aborted_by_hand_while_it_waits(phase: str, scenario: Scenario) -> None:
    scenario.serve(rollout={**QUICK, "steps": [{"weight": 50}, {"pause": {}}, {"weight": 100}]})
    new = scenario.ask(scale_model(2.0))
    if phase == "Promoting":
        scenario.wait(in_phase("Paused"))
        scenario.act("promote", new)  # for which the other pod has to come up
    scenario.wait(in_phase(phase))
    fault = scenario.act("abort", new)
    scenario.wait_rejected(new, "Aborted")
    requests = scenario.finish(f"abort by hand in {phase}", new, fault)
    assert set(by_version(requests[-20:])) == {scenario.stable.rpartition("-")[2]}


def test_a_rollout_is_aborted_by_hand_while_it_copies(scenario: Scenario) -> None:
    steps = [{"shadow": {"percent": 50}}, {"weight": 100}]
    scenario.serve(rollout={**QUICK, "steps": steps, "stepSeconds": 600})
    new = scenario.ask(scale_model(1.0))  # the same model again: its outputs are no reason to take it back
    scenario.wait(lambda m: (samples([m["status"].get("rollout", {})], "outputs") or 0) > 50)
    fault = scenario.act("abort", new)
    scenario.wait_rejected(new, "Aborted")
    requests = scenario.finish("abort by hand in the shadow", new, fault)
    assert set(by_version(requests)) == {scenario.stable.rpartition("-")[2]}, "clients were answered by copies"


def test_the_spec_goes_back_at_a_step(scenario: Scenario) -> None:
    scenario.serve(rollout=steady(50))
    new = scenario.ask(scale_model(2.0))
    scenario.wait_weight(50)
    scenario.change(model={"uri": scenario.store.uri("v1/model.onnx")})
    model = scenario.wait(lambda m: settled(m) and "rollout" not in m["status"])
    scenario.finish("spec goes back at 50 %", new)
    assert model["status"]["stableRevision"] == scenario.stable
    assert model["status"].get("rejected", []) == []


def test_a_third_version_comes_at_a_step(scenario: Scenario) -> None:
    scenario.serve(rollout=steady(50))
    second = scenario.ask(scale_model(2.0))
    scenario.wait_weight(50)
    third = scenario.ask(scale_model(3.0), rollout={**QUICK, "steps": [{"weight": 50}, {"weight": 100}]})
    scenario.wait_promoted(third)
    requests = scenario.finish("third version at 50 %", third)
    answered = by_version(requests)
    assert answered[second.rpartition("-")[2]] > 20
    assert answered[third.rpartition("-")[2]] > 20


def test_a_version_whose_signature_breaks_clients_is_refused(scenario: Scenario) -> None:
    scenario.serve()
    new = scenario.ask(bad.scale_of_rank_3(2.0))
    model = scenario.wait_rejected(new, "SignatureBreaks")
    requests = scenario.finish("v3's signature breaks", new)
    assert by_version(requests)[new.rpartition("-")[2]] == 0
    assert "x" in condition(model, "Stalled")["message"]
    assert max(max(look.weights(scenario.stable), default=0.0) for look in scenario.counters.looks) == 0


def test_a_version_that_cannot_be_fetched_is_taken_back(scenario: Scenario) -> None:
    scenario.serve()
    new = scenario.ask(None)
    scenario.wait_rejected(new, "ModelNotFound")
    requests = scenario.finish("v3 cannot be fetched", new)
    assert by_version(requests)[new.rpartition("-")[2]] == 0
    assert max(max(look.weights(scenario.stable), default=0.0) for look in scenario.counters.looks) == 0


def test_the_model_is_scaled_up_and_down_at_a_step(scenario: Scenario) -> None:
    scenario.serve(rollout={**QUICK, "steps": [{"weight": 50}, {"pause": {}}, {"weight": 100}]})
    new = scenario.ask(scale_model(2.0))
    scenario.wait(in_phase("Paused"))
    scenario.change(scaling={"minReplicas": 3})
    eventually("the new stable pod forwards too", lambda: _forwarding(scenario) == 3)
    scenario.change(scaling={"minReplicas": 1})
    scenario.watched.wait("Deployment", scenario.stable, lambda deployment: deployment["spec"]["replicas"] == 2)
    scenario.change(scaling={"minReplicas": 2})
    scenario.act("resume", new)
    scenario.wait_promoted(new)
    requests = scenario.finish("scaled up and down at 50 %", new)
    scenario.check_shares(new, {50}, requests)
    sizes = [
        change.obj["spec"]["replicas"]
        for change in scenario.watched.history.changes[scenario.watched.namespace]
        if change.obj and change.name == ("Deployment", scenario.stable)
    ]
    promoted = sizes.index(3)
    assert 1 not in sizes[promoted:], "while a rollout runs the stable revision is not smaller than at its start"


def test_the_kubelet_is_restarted_at_a_step(scenario: Scenario, cluster: Cluster) -> None:
    scenario.serve(rollout=SLOW)
    new = scenario.ask(scale_model(2.0))
    scenario.wait_weight(25)
    # A kubelet that starts calls pods unready until it has asked them itself; that is not the operator's doing.
    scenario.damaged |= {("Deployment", scenario.stable), ("Deployment", new)}
    cluster.restart_kubelet()
    scenario.wait_promoted(new)
    scenario.finish("kubelet restarted at 25 %", new)
    assert cluster.status().problems == []


def in_phase(phase: str) -> Callable[[Object], bool]:
    """Return a check that a rollout is in a phase."""
    return lambda model: model["status"].get("rollout", {}).get("phase") == phase


def _kill(operator: Kubectl, replicas: Replicas) -> None:
    """Kill the replica that leads; another one goes on when its Lease has run out."""
    operator("delete", "pod", replicas.wait_leader(), *FORCED)


def _forwarding(scenario: Scenario) -> int:
    """Return how many stable pods forward half of their requests."""
    look = scenario.counters.looks[-1]
    return sum(server.revision == scenario.stable and server.weight == 50 for server in look.servers.values())
