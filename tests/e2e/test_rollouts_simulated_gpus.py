"""Rollouts on a node whose GPUs are all taken, under constant load of clients that never retry.

The GPUs are simulated (tests/cluster/simulated_gpus.py): scheduler, kubelet and device plugin are real, and so is who
gets which device, while the models run on the CPU.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import inf

import pytest

from tests.cluster import Cluster
from tests.cluster.addresses import NODE_NAME
from tests.cluster.simulated_gpus import RESOURCE, VARIABLE, SimulatedGpus
from tests.e2e import load
from tests.e2e.kubectl import Kubectl, Object, condition, eventually
from tests.e2e.load import Request, by_version
from tests.e2e.load_client import KINDS
from tests.e2e.models import scale_model
from tests.e2e.scenario import QUICK, Scenario
from tests.e2e.scenario_table import ROWS, Row
from tests.integration.invariants import State

TWO_STEPS: Object = {**QUICK, "steps": [{"weight": 50}, {"weight": 100}]}
LENDING: Object = {**TWO_STEPS, "capacity": {"whenNoCapacity": "ShrinkStable"}}
RECREATE: Object = {"strategy": "Recreate"}

DEADLINE = 12
"""`progressDeadlineSeconds`: more than any stage of a pod takes here, and little to wait for."""

SetGpus = Callable[[int], None]


def using(gpus: int) -> Object:
    """Return the resources of a server that uses so many GPUs."""
    limits = {"cpu": "1", "memory": "512Mi", RESOURCE: str(gpus)}
    return {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": limits}


@pytest.fixture(scope="module")
def plugin(cluster: Cluster) -> Iterator[SimulatedGpus]:
    with SimulatedGpus(cluster.run, 0) as running:
        yield running


@pytest.fixture
def set_gpus(plugin: SimulatedGpus, operator: Kubectl) -> SetGpus:
    """What gives the node so many GPUs; those of the test before are free by now."""
    eventually("no pod has a GPU any more", lambda: not any(map(_uses_gpus, _all_pods(operator))))

    def give(count: int) -> None:
        plugin.set(count)
        said = str(count)
        eventually(f"the node has {count} GPUs", lambda: _allocatable(operator) == said)

    return give


def waits_for_a_gpu(model: Object) -> bool:
    """Whether it says that no node has a GPU for the new version, in the scheduler's words."""
    found = condition(model, "Reconciling")
    return found.get("reason") == "CapacityPending" and f"Insufficient {RESOURCE}" in found["message"]


def serve(scenario: Scenario, pods: int, rollout: Object) -> None:
    """Serve version 1, each pod with a GPU of its own."""
    scenario.serve(pods, rollout=rollout, resources=using(1), server={"executionProviders": ["CPU"]})


def test_without_a_simulated_gpu_a_rollout_waits_as_long_as_it_takes(scenario: Scenario, set_gpus: SetGpus) -> None:
    set_gpus(2)
    serve(scenario, 2, {**TWO_STEPS, "progressDeadlineSeconds": DEADLINE})
    new = scenario.ask(scale_model(2.0))
    model = scenario.wait(waits_for_a_gpu)
    assert condition(model, "Ready")["status"] == "True"
    _waits_past_the_deadline(scenario, "Preflight")
    set_gpus(3)
    scenario.wait_weight(50)
    scenario.wait(waits_for_a_gpu)
    model = _waits_past_the_deadline(scenario, "Progressing")
    assert model["status"]["rollout"]["appliedWeight"] == 50, "it keeps what it has while it waits for the second pod"
    set_gpus(4)
    model = scenario.wait_promoted(new)
    assert model["status"].get("rejected", []) == []
    devices = [_devices(scenario.kubectl, pod["metadata"]["name"]) for pod in scenario.watched.pods(new)]
    assert len(set(devices)) == 2, f"each pod has a GPU of its own: {devices}"
    scenario.finish("no GPU free: waits", new)


def test_on_two_simulated_gpus_the_stable_revision_lends_one(scenario: Scenario, set_gpus: SetGpus) -> None:
    set_gpus(2)
    serve(scenario, 2, LENDING)
    scenario.damaged.add(("Deployment", scenario.stable))  # the pods behind the entry are fewer, as the spec allows
    new = scenario.ask(scale_model(2.0))
    model = scenario.wait_promoted(new)
    assert model["status"]["readyReplicas"] == 2
    requests = scenario.finish("no GPU free: ShrinkStable", new)
    stable = _ready_behind_the_entry(scenario, scenario.stable)
    assert min(stable) == 1, "one pod lent its GPU, and one stayed until the new version served"
    assert min(_ready_behind_the_entry(scenario, new)) >= 1
    shares = scenario.shares(new, requests)
    assert shares[50][1] > 20, f"the candidate got its share on the GPU that was lent: {shares}"


def test_with_one_simulated_gpu_to_spare_one_after_the_other_is_lent(scenario: Scenario, set_gpus: SetGpus) -> None:
    set_gpus(5)
    serve(scenario, 4, LENDING)
    scenario.damaged.add(("Deployment", scenario.stable))
    new = scenario.ask(scale_model(2.0))
    model = scenario.wait_promoted(new)
    assert model["status"]["readyReplicas"] == 4
    requests = scenario.finish("one GPU free of five: ShrinkStable", new)
    assert min(_ready_behind_the_entry(scenario, scenario.stable)) == 2, "two were lent, and two stayed"
    assert min(_ready_behind_the_entry(scenario, new)) >= 2, "it took over with as many as were left"
    assert scenario.shares(new, requests)[50][1] > 20


def test_a_lent_simulated_gpu_that_does_not_help_goes_back(scenario: Scenario, set_gpus: SetGpus) -> None:
    set_gpus(2)
    serve(scenario, 2, LENDING)
    scenario.damaged.add(("Deployment", scenario.stable))
    new = scenario.ask(scale_model(2.0), resources=using(2))
    scenario.watched.wait("Deployment", scenario.stable, lambda found: found["status"].get("readyReplicas") == 1)
    scenario.watched.wait("Deployment", scenario.stable, lambda found: found["status"].get("readyReplicas") == 2)
    model = scenario.wait(waits_for_a_gpu)
    assert model["status"]["rollout"]["phase"] == "Preflight"
    requests = scenario.finish("lent GPU does not help", new)
    assert by_version(requests)[new.rpartition("-")[2]] == 0
    assert min(_ready_behind_the_entry(scenario, scenario.stable)) == 1


def test_without_a_simulated_gpu_a_rollout_may_be_taken_back(scenario: Scenario, set_gpus: SetGpus) -> None:
    set_gpus(2)
    abort = {"progressDeadlineSeconds": DEADLINE, "capacity": {"whenNoCapacity": "Abort"}}
    serve(scenario, 2, {**TWO_STEPS, **abort})
    new = scenario.ask(scale_model(2.0))
    scenario.wait(waits_for_a_gpu)
    model = scenario.wait_rejected(new, "NoCapacity")
    assert f"Insufficient {RESOURCE}" in condition(model, "Stalled")["message"]
    requests = scenario.finish("no GPU free: Abort", new)
    assert by_version(requests)[new.rpartition("-")[2]] == 0
    assert min(_ready_behind_the_entry(scenario, scenario.stable)) == 2


def test_on_one_simulated_gpu_recreate_takes_the_old_one_out_first(scenario: Scenario, set_gpus: SetGpus) -> None:
    set_gpus(1)
    serve(scenario, 1, RECREATE)
    first = scenario.stable
    second = scenario.ask(scale_model(2.0))
    scenario.wait(lambda m: "nobody is answered" in m["status"].get("rollout", {}).get("message", ""))
    scenario.wait_promoted(second)
    together = [state for state in _states(scenario) if {first, second} <= _with_pods(state)]
    assert not together, "the old one was out before the new one came in"
    scenario.stable = second
    broken = scenario.ask(None)
    scenario.wait(lambda m: [one["reason"] for one in m["status"].get("rejected", [])] == ["ModelNotFound"])
    model = scenario.wait(lambda m: condition(m, "Ready")["status"] == "True")
    assert model["status"]["stableRevision"] == second, "what served before the broken one is back"
    assert condition(model, "Stalled")["reason"] == "ModelNotFound"
    _finish_with_outages(scenario, "Recreate on one GPU, good then broken", second, broken)


def _finish_with_outages(scenario: Scenario, name: str, new: str, broken: str) -> None:
    """End the load: between the pods nobody is answered, as the strategy says; else nothing is lost."""
    eventually("it answers again", lambda: by_version(scenario.load.requests()[-8:])[new.rpartition("-")[2]] == 8)
    scenario.load.stop()
    requests, outages = scenario.load.requests(), _outages(scenario)
    unexcused = _unexcused(requests, outages)
    lost, answered = load.lost(requests), by_version(requests)
    loads, pods = scenario.loads(new)
    ROWS.append(
        Row(name, len(requests), len(lost), answered[new.rpartition("-")[2]], 0.0, None, f"{loads} in {pods} pods")
    )
    assert len(outages) == 2, outages
    assert not unexcused, (unexcused[:20], outages)
    assert answered[broken.rpartition("-")[2]] == 0
    mine = {("Deployment", revision) for revision in (scenario.stable, new)} | {("Service", "subject")}
    violations = scenario.watched.history.violations(scenario.watched.namespace, frozenset(mine))
    assert not violations, violations[:20]


def _unexcused(requests: Sequence[Request], outages: Sequence[tuple[float, float]]) -> list[Request]:
    """Return what was lost although somebody was there to answer.

    For a client an outage ends with its first answer after a pod was ready again: until then the node may not lead to
    the pod yet, or the client may wait before it connects anew. From then on it loses nothing.
    """

    def over(kind: str, ended: float) -> float:
        return next((r.sent for r in requests if r.kind == kind and r.sent >= ended and not r.lost), inf)

    without = [(kind, began, over(kind, ended)) for kind in KINDS for began, ended in outages]
    excused = {r for kind, began, ended in without for r in requests if r.kind == kind and began <= r.sent < ended}
    return [request for request in requests if request.lost and request not in excused]


def _outages(scenario: Scenario) -> list[tuple[float, float]]:
    """Return the spans of time without a ready pod behind the entry since version 1 served (monotonic seconds)."""
    scenario.watched.history.catch_up()
    states = scenario.watched.history.states(scenario.watched.namespace)
    answered = [(at, bool(state.entry and state.ready(state.entry))) for at, state in states]
    changes = [(at, now) for (_, was), (at, now) in pairwise(answered) if was != now]
    gone = [at for at, now in changes if not now]
    back = [at for at, now in changes if now and gone and at > gone[0]]
    return list(zip(gone, back, strict=True))


def _waits_past_the_deadline(scenario: Scenario, phase: str) -> Object:
    """Watch it wait for longer than its deadline; return the model, which is in this phase still."""
    begun = scenario.load.count()
    time.sleep(DEADLINE + 3.0)
    model = scenario.wait(waits_for_a_gpu)
    assert model["status"]["rollout"]["phase"] == phase
    assert model["status"].get("rejected", []) == []
    assert scenario.load.count() > begun + 100
    return model


def _states(scenario: Scenario) -> Sequence[State]:
    scenario.watched.history.catch_up()
    return [state for _, state in scenario.watched.history.states(scenario.watched.namespace)]


def _ready_behind_the_entry(scenario: Scenario, revision: str) -> list[int]:
    """Return how many pods of a revision were ready at each moment at which the entry led to it.

    Of the first one from the moment on at which all of them were.
    """
    counts = [len(state.ready(revision)) for state in _states(scenario) if state.entry == revision and state.model]
    return counts[counts.index(max(counts)) :] if revision == scenario.stable else counts


def _with_pods(state: State) -> set[str]:
    """Return the revisions that have pods whose containers have not all ended."""
    label = "onnx-operator.dev/revision"
    pods = [obj for (kind, _), obj in state.objects.items() if kind == "Pod"]
    alive = [pod for pod in pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
    return {pod["metadata"].get("labels", {}).get(label, "") for pod in alive}


def _devices(kubectl: Kubectl, pod: str) -> str:
    """Return the devices that a pod's server was given."""
    return kubectl("exec", pod, "--container=server", "--", "printenv", VARIABLE).strip()


def _allocatable(kubectl: Kubectl) -> str:
    found: str = kubectl.get("node", NODE_NAME)["status"]["allocatable"].get(RESOURCE, "0")
    return found


def _all_pods(kubectl: Kubectl) -> list[Object]:
    found: list[Object] = json.loads(kubectl("get", "pods", "--all-namespaces", "-o", "json"))["items"]
    return found


def _uses_gpus(pod: Object) -> bool:
    containers = pod["spec"]["containers"]
    return any(RESOURCE in container.get("resources", {}).get("limits", {}) for container in containers)
