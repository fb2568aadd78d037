"""The rights that the chart gives with `watchNamespaces`: enough, none too many, and a lost namespace costs no other.

A real API server checks them and writes down each request; pods are played by KWOK.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import ControlPlane, control_plane
from tests.cluster.plane_daemons import Tuning
from tests.e2e.kubectl import condition, eventually, settled, stalled
from tests.integration import operator_process
from tests.integration.installation import OPERATOR_NAMESPACE, collection, forget_lease, grant, make_namespace, rendered
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess
from tests.integration.rights import POLICY, Right, granted, needed, refused, requests
from tests.integration.scenarios import AT_ONCE

URI = "s3://models/digits/{}/model.onnx"
AUTOSCALED = {"minReplicas": 2, "maxReplicas": 3, "target": {"cpuPercent": 50}}
CPU = {"requests": {"cpu": "10m"}}

UNSEEN = {("onnx-operator.dev", "onnxmodels/finalizers", "update")}
"""Asked for by an admission plugin, within another request: a test of its own shows that it is needed."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that writes down every request, and enforces the right to block an owner's deletion."""
    folder = tmp_path_factory.mktemp("rights")
    policy = folder / "every-request.json"
    policy.write_text(json.dumps(POLICY))
    options = {
        "audit_policy_file": str(policy),
        "enable_admission_plugins": "OwnerReferencesPermissionEnforcement",
    }
    with control_plane(folder / "plane", tuning=Tuning(api_server=options)) as running:
        yield running


@pytest.fixture(scope="module")
def namespaces(world: ControlPlane) -> tuple[Namespace, Namespace]:
    """The two namespaces that are watched."""
    return make_namespace(world), make_namespace(world)


@pytest.fixture(scope="module")
def values(namespaces: tuple[Namespace, Namespace]) -> str:
    """The chart's value."""
    return f"watchNamespaces={{{','.join(namespace.name for namespace in namespaces)}}}"


@pytest.fixture(scope="module")
def account(world: ControlPlane, values: str) -> Path:
    """A kubeconfig with the rights that the chart gives for the two namespaces, and no more."""
    return grant(world, values)


@pytest.fixture
def operator(
    world: ControlPlane, account: Path, namespaces: tuple[Namespace, Namespace], tmp_path: Path
) -> Iterator[OperatorProcess]:
    """A leading operator for the two namespaces."""
    names = ",".join(namespace.name for namespace in namespaces)
    log = tmp_path / "operator.log"
    process = operator_process.start(account, log, "--namespaces", names, "--own-namespace", OPERATOR_NAMESPACE)
    process.wait_leading()
    yield process
    process.check()
    process.kill()
    forget_lease(world)


def test_each_right_is_used_and_none_is_missing_with_pods_played_by_kwok(
    world: ControlPlane, values: str, namespaces: tuple[Namespace, Namespace], operator: OperatorProcess
) -> None:
    first, second = namespaces
    second.model("digits", model={"uri": URI.format(1)})
    second.wait("ONNXModel", "digits", settled)
    _live_a_whole_life(first)
    _write_while_the_operator_reports(world, first, operator)

    events = requests(world.audit_log, "onnx-operator")
    assert refused(events) == []
    roles = [manifest for manifest in rendered("rbac.yaml", values=[values]) if manifest["kind"] == "Role"]
    allowed = granted(roles)
    assert {right.namespace for right in allowed} == {first.name, second.name, OPERATOR_NAMESPACE}
    used = needed(events)
    # Both namespaces have the same rules (tests/chart), so one is enough to need them all.
    allowed = {right for right in allowed if right.namespace != second.name}
    in_vain = {right for right in allowed - used if right[1:] not in UNSEEN}
    assert in_vain == set(), "granted and never used"
    elsewhere = {right for right in used if right.namespace not in (first.name, second.name, OPERATOR_NAMESPACE)}
    assert elsewhere == set()


def test_the_right_on_finalizers_is_needed_where_it_is_enforced_with_pods_played_by_kwok(
    world: ControlPlane, namespaces: tuple[Namespace, Namespace], operator: OperatorProcess
) -> None:
    namespace = namespaces[1]
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace.name}/roles/onnx-operator"
    role = world.rest.get(path)
    assert role is not None
    without = [rule for rule in role["rules"] if rule["resources"] != ["onnxmodels/finalizers"]]
    assert len(without) == len(role["rules"]) - 1
    world.rest.patch(path, {"rules": without})
    namespace.model("blocked", model={"uri": URI.format(1)})
    model = namespace.wait("ONNXModel", "blocked", stalled("Forbidden"))
    assert "blockOwnerDeletion" in condition(model, "Stalled")["message"]
    world.rest.patch(path, {"rules": role["rules"]})
    namespace.wait("ONNXModel", "blocked", settled)


def test_a_watched_namespace_that_is_deleted_is_named_and_costs_the_others_nothing_with_pods_played_by_kwok(
    world: ControlPlane, values: str, namespaces: tuple[Namespace, Namespace], operator: OperatorProcess
) -> None:
    stays, goes = namespaces
    world.rest.delete(f"/api/v1/namespaces/{goes.name}")
    eventually("the namespace is gone", lambda: world.rest.get(f"/api/v1/namespaces/{goes.name}") is None)
    # Its watches end at the latest when the API server does.
    world.restart_api_server(kill=True)
    operator.wait("telling of it", lambda: _left_out(operator, goes.name) > 0, 60)
    operator.wait_ready()
    stays.model("afterwards", model={"uri": URI.format(1)})
    stays.wait("ONNXModel", "afterwards", settled)

    world.rest.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": goes.name}})
    for manifest in rendered("rbac.yaml", values=[values]):
        if manifest["metadata"]["namespace"] == goes.name:
            world.rest.create(collection(manifest), manifest)
    goes.model("back", model={"uri": URI.format(1)})
    goes.wait("ONNXModel", "back", settled)
    operator.wait_ready()


def _live_a_whole_life(namespace: Namespace) -> None:
    """Let a model be made, autoscaled, changed beyond its history, damaged and repaired, shrunk, suspended."""
    for version in range(8):
        namespace.model(
            "digits", model={"uri": URI.format(version)}, scaling=AUTOSCALED, resources=CPU, rollout=AT_ONCE
        )
        uri = URI.format(version)
        namespace.wait("ONNXModel", "digits", lambda m, uri=uri: settled(m) and _stable_uri(m) == uri)  # type: ignore[misc]
    eventually("the oldest revisions are gone", lambda: len(namespace.list("ControllerRevision")) == 6)
    (entry,) = [service for service in namespace.list("Service") if service["metadata"]["name"] == "digits"]
    namespace.patch("Service", "digits", {"spec": {"selector": {"app": "elsewhere"}}})
    namespace.wait("Service", "digits", lambda service: service["spec"]["selector"] == entry["spec"]["selector"])
    namespace.model("digits", model={"uri": URI.format(7)}, scaling={"minReplicas": 1}, resources=CPU, rollout=AT_ONCE)
    eventually("the budget is gone", lambda: not namespace.list("PodDisruptionBudget"))
    eventually("the autoscaler is gone", lambda: not namespace.list("HorizontalPodAutoscaler"))
    namespace.model("digits", model={"uri": URI.format(7)}, state="Suspended")
    eventually("no pod is left", lambda: not namespace.list("Pod"))


def _stable_uri(model: dict[str, object]) -> object:
    status = model["status"]
    assert isinstance(status, dict)
    return next((revision["uri"] for revision in status["revisions"] if revision["role"] == "Stable"), None)


def _write_while_the_operator_reports(world: ControlPlane, namespace: Namespace, operator: OperatorProcess) -> None:
    """Change a model all the time, until a status comes too late and the operator reads the model anew."""
    deadline = time.monotonic() + 60
    read = Right(namespace.name, "onnx-operator.dev", "onnxmodels", "get")
    number = 0
    while read not in needed(requests(world.audit_log, "onnx-operator")):
        assert time.monotonic() < deadline, "no status met a conflict"
        for _ in range(50):
            number += 1
            namespace.patch("ONNXModel", "digits", {"spec": {"scaling": {"minReplicas": number % 5 + 1}}})
    operator.wait_idle()


def _left_out(operator: OperatorProcess, namespace: str) -> int:
    return sum(f"namespace {namespace} is left out" in str(line.get("message")) for line in operator.lines())
