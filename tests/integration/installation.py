"""What an operator needs of a control plane: the chart's rights, a namespace to work in, and the Lease."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.cluster import tools
from tests.cluster.commands import run
from tests.cluster.paths import TREE
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object
from tests.integration.namespace import Namespace

OPERATOR_NAMESPACE = "onnx-operator"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/onnx-operator"


def grant(plane: ControlPlane, *values: str) -> Path:
    """Install the chart's ServiceAccount and RBAC rules; return a kubeconfig with a token of that account.

    `values` are the chart's, as `name=value`; namespaces that they name must exist.
    """
    create_namespace(plane, OPERATOR_NAMESPACE)
    for manifest in rendered("rbac.yaml", "serviceaccount.yaml", values=values):
        plane.rest.create(collection(manifest), manifest)
    return kubeconfig_of(plane, "onnx-operator")


def kubeconfig_of(plane: ControlPlane, account: str) -> Path:
    """Return a kubeconfig with a token of a ServiceAccount in the operator's namespace."""
    config = json.loads(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token_of(plane, account)}
    path = plane.run.config / f"{account}.kubeconfig"
    path.write_text(json.dumps(config))
    return path


def token_of(plane: ControlPlane, account: str, **spec: object) -> str:
    """Return a token of a ServiceAccount in the operator's namespace, good for a day unless `spec` says otherwise."""
    path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts/{account}/token"
    head = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    answer = plane.rest.create(path, {**head, "spec": {"expirationSeconds": 86400, **spec}})
    return str(answer["status"]["token"])


def make_namespace(plane: ControlPlane) -> Namespace:
    """Make a namespace."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    create_namespace(plane, name)
    return Namespace(plane.rest, name)


def forget_lease(plane: ControlPlane) -> None:
    """Delete the Lease of an operator that was killed, so that the next need not wait until it expires."""
    plane.rest.delete(LEASE)


def create_namespace(plane: ControlPlane, name: str) -> None:
    """Make the namespace of this name."""
    plane.rest.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def rendered(*templates: str, values: Sequence[str] = ()) -> list[Object]:
    """Return what some of the chart's templates make with values given as `name=value`; without any, what all make."""
    command: list[str | Path] = [tools.binary("helm"), "template", "onnx-operator", TREE / "charts/onnx-operator"]
    command += ["--namespace", OPERATOR_NAMESPACE, *(f"--show-only=templates/{name}" for name in templates)]
    command += [f"--set={value}" for value in values]
    return [manifest for manifest in yaml.safe_load_all(run(command)) if manifest]


def collection(manifest: Object) -> str:
    """Return the path of the collection that a manifest belongs to."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    root = "/api/v1" if version == "v1" else f"/apis/{version}"
    plural = f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"
    namespace = manifest["metadata"].get("namespace")
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
