"""`onnx-operator check` against a real API server and a real operator: what `helm test` runs, with its rights."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.plane import ControlPlane, control_plane
from tests.integration.installation import OPERATOR_NAMESPACE, collection, kubeconfig_of, rendered
from tests.integration.operator_process import OperatorProcess, free_port

SERVED = "the API server serves onnxmodels.onnx-operator.dev"
ADMITTED = f"an ONNXModel is admitted to namespace {OPERATOR_NAMESPACE}"


@pytest.fixture(scope="module")
def account(plane: ControlPlane, kubeconfig: Path) -> Path:
    """The kubeconfig of the account that `helm test` makes; the operator's namespace is there by `kubeconfig`."""
    assert kubeconfig.exists()
    for manifest in rendered("tests/check.yaml"):
        if manifest["kind"] != "Pod":
            plane.rest.create(collection(manifest), manifest)
    return kubeconfig_of(plane, "onnx-operator-test")


def check(kubeconfig: Path, *options: str) -> tuple[int, str]:
    """Run it; return the exit code and all its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
    done = subprocess.run(
        [sys.executable, "-m", "onnx_operator", "check", "--timeout", "2", *options],
        env={**environment, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_installation_that_works_passes_and_nothing_is_created(
    plane: ControlPlane, account: Path, operator: OperatorProcess
) -> None:
    url = f"http://127.0.0.1:{operator.port}"
    code, output = check(account, "--url", url, "--namespace", OPERATOR_NAMESPACE)
    assert (code, output.count("ok  "), output.count("FAILED")) == (0, 4, 0), output
    path = f"/apis/onnx-operator.dev/v1alpha1/namespaces/{OPERATOR_NAMESPACE}/onnxmodels"
    assert plane.rest.list(path) == []


def test_what_does_not_work_is_named_with_its_remedy(account: Path, operator: OperatorProcess) -> None:
    url = f"http://127.0.0.1:{operator.port}"
    code, output = check(account, "--url", url, "--replicas", "2", "--namespace", "default")
    assert code == 1
    assert "FAILED  all 2 replicas are ready: 1 of 1 that answer are ready, and there should be 2" in output
    assert "ok      one replica leads" in output
    assert 'cannot create resource "onnxmodels"' in output
    assert "This needs the right to create onnxmodels in that namespace" in output


def test_an_operator_that_nobody_reaches_is_named(account: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, output = check(account, "--url", url, "--namespace", OPERATOR_NAMESPACE)
    assert code == 1
    assert f"FAILED  one replica leads: {url} does not answer" in output
    assert f"ok      {SERVED}" in output
    assert f"ok      {ADMITTED}" in output


def test_a_missing_crd_is_named(tmp_path: Path) -> None:
    with control_plane(tmp_path / "plane", crds=None) as bare:
        code, output = check(bare.kubeconfig, "--url", f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert f"FAILED  {SERVED}: " in output
    assert "Install the CRD: crds.install=true, or kubectl apply -f crds/onnxmodels.yaml." in output


def test_a_process_without_a_cluster_says_so(tmp_path: Path) -> None:
    code, output = check(tmp_path / "none", "--url", "http://127.0.0.1:1")
    assert code == 1
    assert "onnx-operator: no cluster: not in a pod, and no kubeconfig" in output
