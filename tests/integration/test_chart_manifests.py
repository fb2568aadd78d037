"""A real API server takes every manifest of the chart, with every toggle on, and knows each of its fields."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.paths import TREE
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import APPLY, Object, RestError
from tests.integration.installation import OPERATOR_NAMESPACE, collection, create_namespace, make_namespace, rendered

ALL = (
    "networkPolicy.enabled=true",
    "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=metrics",
    "networkPolicy.apiServer.cidrs={10.0.0.1/32}",
    "metrics.service.annotations.some=thing",
    "priorityClassName=system-cluster-critical",
    "nodeSelector.disk=ssd",
    "tolerations[0].key=dedicated",
    "tolerations[0].operator=Exists",
    "imagePullSecrets[0].name=registry",
)
KINDS = {
    "Deployment",
    "NetworkPolicy",
    "Pod",
    "PodDisruptionBudget",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
}


@pytest.mark.parametrize("watched", [False, True], ids=["cluster", "namespaces"])
def test_the_api_server_takes_each_manifest(plane: ControlPlane, watched: bool) -> None:
    namespace = make_namespace(plane).name
    values = (*ALL, f"watchNamespaces={{{namespace}}}") if watched else ALL
    manifests = [manifest for manifest in rendered(values=values) if manifest["kind"] != "CustomResourceDefinition"]
    wanted = KINDS if watched else KINDS | {"ClusterRole", "ClusterRoleBinding"}
    assert {manifest["kind"] for manifest in manifests} == wanted
    manifests = [_within(manifest, namespace) for manifest in manifests]
    for manifest in manifests:
        if manifest["kind"] == "ServiceAccount":  # pods are taken only where theirs is
            plane.rest.create(collection(manifest), manifest)
    for manifest in manifests:
        _dry_run(plane, manifest)
    plane.rest.delete(f"/api/v1/namespaces/{namespace}")


def test_an_admin_of_namespaces_who_has_the_documented_role_may_install_for_them(plane: ControlPlane) -> None:
    own, watched = make_namespace(plane).name, make_namespace(plane).name
    role = documented_role()
    plane.rest.create(collection(role), role)

    def install() -> tuple[int, str]:
        values = (f"watchNamespaces={{{watched}}}", "crds.install=false")
        manifests = [_into(manifest, own) for manifest in rendered(values=values)]
        command: list[str | Path] = [plane.kubectl, "--kubeconfig", plane.kubeconfig, "--as=jane", "apply", "-f", "-"]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stderr

    for namespace in (own, watched):
        _bind(plane, namespace, "admin")
    code, said = install()
    assert code != 0
    assert "attempting to grant RBAC permissions not currently held" in said
    assert "ControllerRevisions" in said or "controllerrevisions" in said
    _bind(plane, watched, role["metadata"]["name"])
    assert install() == (0, "")
    for namespace in (own, watched):
        plane.rest.delete(f"/api/v1/namespaces/{namespace}")


def test_a_namespace_that_enforces_restricted_takes_the_pods(plane: ControlPlane) -> None:
    name = "enforces-restricted"
    create_namespace(plane, name)
    enforce = {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
    }
    plane.rest.patch(f"/api/v1/namespaces/{name}", {"metadata": {"labels": enforce}})
    (deployment,) = rendered("deployment.yaml")
    (check,) = [manifest for manifest in rendered("tests/check.yaml") if manifest["kind"] == "Pod"]
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "any", "namespace": name}}
    plane.rest.create(collection(account), account)
    for labels, spec in (
        (deployment["spec"]["template"]["metadata"]["labels"], deployment["spec"]["template"]["spec"]),
        (check["metadata"]["labels"], check["spec"]),
    ):
        pod: Object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "one", "namespace": name, "labels": labels},
            "spec": {**spec, "serviceAccountName": "any"},
        }
        _dry_run(plane, pod)
        loose = {**spec, "serviceAccountName": "any", "securityContext": {}}
        with pytest.raises(RestError, match="violates PodSecurity"):
            _dry_run(plane, {**pod, "spec": loose})
    plane.rest.delete(f"/api/v1/namespaces/{name}")


def documented_role() -> Object:
    """Return the role that docs/operations.md tells an admin of the cluster to make."""
    text = (TREE / "docs" / "operations.md").read_text()
    block = text.partition("  ```yaml\n")[2].partition("  ```\n")[0]
    role: Object = yaml.safe_load(block)
    assert role["kind"] == "ClusterRole"
    return role


def _bind(plane: ControlPlane, namespace: str, role: str) -> None:
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "jane"}],
    }
    plane.rest.create(collection(binding), binding)


def _into(manifest: Object, own: str) -> Object:
    """Return a manifest as a release in the namespace `own` has it; those for watched namespaces stay there."""
    text = json.dumps(manifest).replace(f'"namespace": "{OPERATOR_NAMESPACE}"', f'"namespace": "{own}"')
    moved: Object = json.loads(text)
    return moved


def _within(manifest: Object, namespace: str) -> Object:
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "namespace": namespace}} if "namespace" in metadata else manifest


def _dry_run(plane: ControlPlane, manifest: Object) -> None:
    query = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "tests", "force": "true"}
    path = f"{collection(manifest)}/{manifest['metadata']['name']}"
    plane.rest.call("PATCH", path, manifest, content_type=APPLY, query=query)
