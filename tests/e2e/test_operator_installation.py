"""The installed chart: `helm test`, replicas that drains respect, restricted pods, a release without ClusterRoles."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.kubectl import Kubectl, KubectlError, eventually, settled
from tests.e2e.models import Store, onnx_model, scale_model
from tests.e2e.release import Release
from tests.e2e.replicas import SELECTOR, Replicas

TEST = "app.kubernetes.io/name=onnx-operator-test"


def test_helm_test_passes_and_leaves_nothing(release: Release, operator: Kubectl) -> None:
    Replicas(operator).wait_leader()
    done = release.check()
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "ok      all 2 replicas are ready",
        "ok      one replica leads",
        "ok      the API server serves onnxmodels.onnx-operator.dev",
        "ok      an ONNXModel is admitted to namespace onnx-operator",
    ):
        assert line in done.stdout + done.stderr
    assert not operator.list("pods,serviceaccounts,roles,rolebindings", TEST)
    assert not operator.list("onnxmodels")


def test_a_drain_takes_one_replica_after_the_other(operator: Kubectl) -> None:
    replicas = Replicas(operator)
    pods = eventually("two replicas are ready", lambda: len(found := replicas.ready()) == 2 and found)
    budget = operator.wait("poddisruptionbudget", "onnx-operator", lambda b: b["status"]["disruptionsAllowed"] == 1)
    assert budget["spec"]["maxUnavailable"] == 1
    first, second = (pod["metadata"]["name"] for pod in pods)
    _evict(operator, first)
    with pytest.raises(KubectlError, match="disruption budget"):
        _evict(operator, second)
    eventually("two replicas are ready again", lambda: len(replicas.ready()) == 2)
    assert second in {pod["metadata"]["name"] for pod in replicas.ready()}
    replicas.wait_leader()


def test_the_replicas_run_where_only_restricted_pods_may(operator: Kubectl) -> None:
    namespace = operator.get("namespace", operator.namespace)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert len(Replicas(operator).ready()) == 2
    with pytest.raises(KubectlError, match="violates PodSecurity"):
        operator("run", "loose", "--image=localhost/any:1", "--dry-run=server")


@pytest.fixture
def confined(release: Release, operator: Kubectl, kubectl: Kubectl) -> Iterator[Release]:
    """The release, with the test's namespace as the one that it watches; it is as it was again afterwards."""
    with release.changing_rights():
        done = release.install(watchNamespaces=f"{{{kubectl.namespace}}}")
        assert done.returncode == 0, done.stderr
        eventually("only its replicas are there", lambda: len(operator.list("pods", SELECTOR)) == 2)
    yield release
    with release.changing_rights():
        done = release.install()
        assert done.returncode == 0, done.stderr
        eventually("only its replicas are there", lambda: len(operator.list("pods", SELECTOR)) == 2)
    Replicas(operator).wait_leader()


def test_a_release_for_one_namespace_serves_there_without_any_cluster_role(
    confined: Release, operator: Kubectl, kubectl: Kubectl, store: Store
) -> None:
    assert not operator.list("clusterroles,clusterrolebindings", SELECTOR)
    replicas = Replicas(operator)
    leader = replicas.wait_leader()
    kubectl.apply(onnx_model("here", store.put("model.onnx", scale_model(2.0)), scaling={"minReplicas": 2}))
    kubectl.wait("onnxmodel", "here", lambda model: settled(model) and model["status"]["readyReplicas"] == 2)
    done = confined.check()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ok      an ONNXModel is admitted to namespace {kubectl.namespace}" in done.stdout + done.stderr
    for pod in replicas.ready():
        assert replicas.refused_reads(pod["metadata"]["name"]) == {}
    assert replicas.leader() == leader
    log = operator("logs", leader)
    assert "orbidden" not in log
    assert "watching ended" not in log


def _evict(kubectl: Kubectl, pod: str) -> None:
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
