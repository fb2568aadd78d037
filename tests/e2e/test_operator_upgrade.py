"""The operator is upgraded, taken away and brought back while a model serves: no pod is touched, no request lost."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, images, oci_archive
from tests.e2e.kubectl import Kubectl, Object, entry, eventually, settled
from tests.e2e.models import Store, first_answer, onnx_model, scale_model
from tests.e2e.release import Release
from tests.e2e.replicas import SELECTOR, Replicas
from tests.e2e.traffic import Traffic

TEMPLATE = Path(__file__).parents[2] / "operator" / "onnx_operator" / "frozen" / "pod_template.py"
MODEL_LABEL = "onnx-operator.dev/model=frozen"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture
def installed(release: Release, operator: Kubectl) -> Iterator[Release]:
    """The release, which is as it was again when the test is over."""
    yield release
    done = release.install()
    assert done.returncode == 0, done.stderr
    Replicas(operator).wait_leader()


@pytest.fixture
def frozen(kubectl: Kubectl, store: Store) -> str:
    """A model with two pods that serves, in a namespace where only restricted pods may run; its entry's address."""
    kubectl.patch("namespace", kubectl.namespace, {"metadata": {"labels": RESTRICTED}})
    kubectl.apply(onnx_model("frozen", store.put("model.onnx", scale_model(2.0)), scaling={"minReplicas": 2}))
    kubectl.wait("onnxmodel", "frozen", _serves(2))
    address = entry(kubectl, "frozen")
    assert first_answer(address, "frozen") == 2.0
    return address


def test_an_upgrade_to_another_rendering_and_server_image_touches_no_pod_that_serves_until_a_refresh(
    cluster: Cluster, operator: Kubectl, installed: Release, kubectl: Kubectl, store: Store, frozen: str, tmp_path: Path
) -> None:
    another = _another_operator(operator, installed, tmp_path)
    server = _renamed(installed.references["server"], tmp_path / "server.tar", {"etc/another": "image\n"})
    for archive in (tmp_path / "operator.tar", tmp_path / "server.tar"):
        cluster.load(archive)
    before = _what_serves(kubectl)
    with Traffic(frozen, "frozen", clients=2, pause=0.02) as traffic:
        done = installed.install(
            image_tag=another.rpartition(":")[2], server_image_tag=server.rpartition(":")[2], server_drainSeconds="7"
        )
        assert done.returncode == 0, done.stderr
        replicas = Replicas(operator)
        eventually("only new replicas are there", lambda: _images(operator) == {another})
        replicas.reconciled(replicas.wait_leader(), more_than=0)
        kubectl.apply(onnx_model("new", store.uri("model.onnx")))
        kubectl.wait("onnxmodel", "new", settled)
        asked = traffic.answers.total()
        eventually("a hundred more answers", lambda: traffic.answers.total() >= asked + 100)
    assert traffic.lost == []
    assert set(traffic.answers) == {2.0}
    assert _what_serves(kubectl) == before
    (fresh,) = kubectl.list("pods", "onnx-operator.dev/model=new")
    assert fresh["metadata"]["annotations"]["rendered-by"] == "another", "the new operator renders otherwise"
    assert {container["image"] for container in fresh["spec"]["containers"]} == {server}

    kubectl.patch("onnxmodel", "frozen", {"spec": {"scaling": {"minReplicas": 3}}})
    kubectl.wait("onnxmodel", "frozen", _serves(3))
    pods = kubectl.list("pods", MODEL_LABEL)
    assert not [pod for pod in pods if "rendered-by" in pod["metadata"]["annotations"]]
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {installed.references["server"]}

    old = kubectl.get("onnxmodel", "frozen")["status"]["stableRevision"]
    with Traffic(frozen, "frozen", clients=2, pause=0.02) as traffic:
        action = {"onnx-operator.dev/action": f"refresh@{old}#1"}
        kubectl.patch("onnxmodel", "frozen", {"metadata": {"annotations": action}})
        kubectl.wait("onnxmodel", "frozen", lambda m: _serves(3)(m) and m["status"]["stableRevision"] != old)
    assert traffic.lost == []
    assert set(traffic.answers) == {2.0}
    pods = kubectl.list("pods", f"onnx-operator.dev/revision={_stable(kubectl)}")
    assert {pod["metadata"]["annotations"].get("rendered-by") for pod in pods} == {"another"}
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {server}


def test_models_serve_on_while_the_chart_is_uninstalled_and_the_next_installation_takes_them_up(
    operator: Kubectl, installed: Release, kubectl: Kubectl, frozen: str
) -> None:
    before = _what_serves(kubectl)
    with Traffic(frozen, "frozen", clients=2, pause=0.02) as traffic:
        done = installed.uninstall()
        assert done.returncode == 0, done.stderr
        eventually("no operator is left", lambda: not operator.list("pods", SELECTOR))
        assert not operator.list("roles,rolebindings,deployments,services,poddisruptionbudgets", SELECTOR)
        assert kubectl.get("onnxmodel", "frozen")["metadata"].get("finalizers") is None
        asked = traffic.answers.total()
        eventually("a hundred more answers", lambda: traffic.answers.total() >= asked + 100)
        assert _what_serves(kubectl) == before

        done = installed.install()
        assert done.returncode == 0, done.stderr
        replicas = Replicas(operator)
        replicas.reconciled(replicas.wait_leader(), more_than=0)
    assert traffic.lost == []
    assert set(traffic.answers) == {2.0}
    assert _what_serves(kubectl) == before
    kubectl.patch("onnxmodel", "frozen", {"spec": {"scaling": {"minReplicas": 3}}})
    kubectl.wait("onnxmodel", "frozen", _serves(3))
    assert set(before["pods"]) < {pod["metadata"]["uid"] for pod in kubectl.list("pods", MODEL_LABEL)}


def _serves(pods: int) -> Callable[[Object], bool]:
    return lambda model: settled(model) and model["status"]["readyReplicas"] == pods


def _stable(kubectl: Kubectl) -> str:
    return str(kubectl.get("onnxmodel", "frozen")["status"]["stableRevision"])


def _what_serves(kubectl: Kubectl) -> dict[str, dict[str, object]]:
    """Return all by which a client would notice a change: pods and their restarts, generations, the entry."""
    pods = {
        pod["metadata"]["uid"]: [status["restartCount"] for status in pod["status"]["containerStatuses"]]
        for pod in kubectl.list("pods", MODEL_LABEL)
    }
    assert all(restarts == [0] for restarts in pods.values())
    found = kubectl.list("deployments,services,controllerrevisions,poddisruptionbudgets,configmaps", MODEL_LABEL)
    objects = {obj["metadata"]["uid"]: _state(obj) for obj in found}
    return {"pods": dict(pods), "objects": dict(objects)}


def _state(obj: Object) -> object:
    return [obj["kind"], obj["metadata"]["name"], obj["metadata"].get("generation"), obj.get("data"), obj.get("spec")]


def _another_operator(operator: Kubectl, release: Release, folder: Path) -> str:
    """Write an operator's image that renders pods otherwise than ours: one file of it is another one."""
    source = TEMPLATE.read_text()
    changed = source.replace('"annotations": {**overlay.annotations,', '"annotations": {"rendered-by": "another",')
    changed = changed.replace('"periodSeconds": period,', '"periodSeconds": period + 1,')
    assert changed.count('"rendered-by"') == changed.count("period + 1") == 1, "pod_template.py is written otherwise"
    where = "import onnx_operator.frozen.pod_template as module; print(module.__file__)"
    path = operator("exec", "deployment/onnx-operator", "--", "python3", "-c", where).strip()
    return _renamed(release.references["operator"], folder / "operator.tar", {path.lstrip("/"): changed})


def _renamed(reference: str, archive: Path, texts: dict[str, str]) -> str:
    """Write a shipped image with some files changed, under the tag `another`; return its reference."""
    (built,) = [image for image in images.build_all() if image.reference == reference]
    name = f"{reference.rpartition(':')[0]}:another"
    oci_archive.derive(built.archive, archive, name, texts)
    return name


def _images(operator: Kubectl) -> set[str]:
    """Return the images of all pods of the operator."""
    return {pod["spec"]["containers"][0]["image"] for pod in operator.list("pods", SELECTOR)}
