"""One control plane a session, with the chart's rights for the operator; a namespace and an operator a test."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster import tools
from tests.cluster.commands import run
from tests.cluster.paths import TREE
from tests.cluster.plane import ControlPlane, control_plane
from tests.cluster.rest import Object
from tests.integration import operator_process
from tests.integration.audit import Audit
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess

OPERATOR_NAMESPACE = "onnx-operator"

StartOperator = Callable[..., OperatorProcess]


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane of this session: a real API server; node and pods are played by KWOK."""
    with control_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="session")
def kubeconfig(plane: ControlPlane) -> Path:
    """The operator's kubeconfig: a ServiceAccount with the rights that the chart gives, and no more."""
    return grant(plane)


@pytest.fixture
def audit(plane: ControlPlane) -> Audit:
    """The API server's audit log."""
    return Audit(plane)


@pytest.fixture
def namespace(plane: ControlPlane) -> Iterator[Namespace]:
    """A namespace of one's own."""
    made = make_namespace(plane)
    yield made
    plane.rest.delete(f"/api/v1/namespaces/{made.name}")


@pytest.fixture
def start_operator(kubeconfig: Path, namespace: Namespace, tmp_path: Path) -> Iterator[StartOperator]:
    """Starts operators for this test's namespace, with more options if wished; all are killed at the end."""
    started: list[OperatorProcess] = []

    def start(*options: str) -> OperatorProcess:
        log = tmp_path / f"operator-{len(started)}.log"
        mine = ("--namespaces", namespace.name, "--own-namespace", OPERATOR_NAMESPACE)
        started.append(operator_process.start(kubeconfig, log, *mine, *options))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def operator(start_operator: StartOperator) -> Iterator[OperatorProcess]:
    """A ready operator for this test's namespace; unless the test ends it, it must not end before the test does."""
    process = start_operator()
    process.wait_ready()
    yield process
    if not process.ended:
        process.check()


def make_namespace(plane: ControlPlane) -> Namespace:
    """Make a namespace."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    _create_namespace(plane, name)
    return Namespace(plane.rest, name)


def grant(plane: ControlPlane) -> Path:
    """Install the chart's ServiceAccount and RBAC rules; return a kubeconfig with a token of that account."""
    rest = plane.rest
    rest.create(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR_NAMESPACE}}
    )
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
