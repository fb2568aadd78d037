"""What an operator needs of a control plane: the chart's rights, a namespace to work in, and the Lease."""

import json
import uuid
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


def grant(plane: ControlPlane) -> Path:
    """Install the chart's ServiceAccount and RBAC rules; return a kubeconfig with a token of that account."""
    rest = plane.rest
    _create_namespace(plane, OPERATOR_NAMESPACE)
    for manifest in _chart("rbac.yaml", "serviceaccount.yaml"):
        rest.create(_collection(manifest), manifest)
    accounts = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}
    token = rest.create(f"{accounts}/onnx-operator/token", request)["status"]["token"]
    config = json.loads(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = plane.run.config / "operator.kubeconfig"
    path.write_text(json.dumps(config))
    return path


def make_namespace(plane: ControlPlane) -> Namespace:
    """Make a namespace."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    _create_namespace(plane, name)
    return Namespace(plane.rest, name)


def forget_lease(plane: ControlPlane) -> None:
    """Delete the Lease of an operator that was killed, so that the next need not wait until it expires."""
    plane.rest.delete(LEASE)


def _create_namespace(plane: ControlPlane, name: str) -> None:
    plane.rest.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def _chart(*templates: str) -> list[Object]:
    command: list[str | Path] = [tools.binary("helm"), "template", "onnx-operator", TREE / "charts/onnx-operator"]
    command += ["--namespace", OPERATOR_NAMESPACE, *(f"--show-only=templates/{name}" for name in templates)]
    return [manifest for manifest in yaml.safe_load_all(run(command)) if manifest]


def _collection(manifest: Object) -> str:
    version, kind = manifest["apiVersion"], manifest["kind"]
    root = "/api/v1" if version == "v1" else f"/apis/{version}"
    namespace = manifest["metadata"].get("namespace")
    return f"{root}/namespaces/{namespace}/{kind.lower()}s" if namespace else f"{root}/{kind.lower()}s"
