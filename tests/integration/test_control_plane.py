"""The control plane itself: several at once, gone with the process that asked for them, other binaries if asked."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import plane as planes
from tests.cluster import processes
from tests.cluster.paths import TREE, RunDir
from tests.cluster.plane import ControlPlane, control_plane
from tests.cluster.rest import RestError

HOLD = """
import sys, time
from pathlib import Path
from tests.cluster.plane import control_plane
with control_plane(Path(sys.argv[1])):
    print("up", flush=True)
    time.sleep(1000)
"""


def test_a_second_control_plane_shares_nothing_with_the_first_and_ends_alone(
    plane: ControlPlane, tmp_path: Path
) -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one-of-mine"}}
    with control_plane(tmp_path / "plane", crds=None) as second:
        assert not second.place.pods.overlaps(plane.place.pods)
        second.rest.create("/api/v1/namespaces/default/configmaps", config_map)
        assert plane.rest.get("/api/v1/namespaces/default/configmaps/one-of-mine") is None
        assert second.rest.get("/apis/onnx-operator.dev/v1alpha1/onnxmodels") is None
    with pytest.raises(ConnectionError):
        second.rest.get("/api")
    assert plane.rest.get("/api") is not None
    plane.check()


def test_a_control_plane_is_up_in_8_seconds_and_ends_with_a_killed_test_process(
    plane: ControlPlane, tmp_path: Path
) -> None:
    began = time.monotonic()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "plane")], cwd=TREE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "up\n"
    took = time.monotonic() - began
    daemons = processes.recorded(RunDir(tmp_path / "plane").pids)
    names = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "control-port"}
    assert {daemon.name for daemon in daemons if daemon.alive()} == names

    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert processes.wait_ended(daemons, 5) == []
    assert took < 8


def test_programs_of_kubebuilder_assets_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kube-apiserver").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert planes.binary("kube-apiserver") == tmp_path / "kube-apiserver"
    assert planes.binary("kwok").parent != tmp_path


def test_a_refusal_says_what_the_api_server_said(plane: ControlPlane) -> None:
    with pytest.raises(RestError, match=r"POST .*: 422 .*metadata\.name") as refused:
        plane.rest.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "A"}})
    assert refused.value.code == 422
