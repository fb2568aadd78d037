"""The daemons' command lines: everything below the run directory, every port at the node's address and listed."""

import json
import re
from pathlib import Path

import pytest

from tests.cluster import bringup, certificates, control_plane, metrics_server, node
from tests.cluster.addresses import NODE_ADDRESS, NODE_PORTS
from tests.cluster.machine import MASKED
from tests.cluster.paths import RunDir
from tests.cluster.programs import CNI_PLUGINS
from tests.cluster.specs import Spec

BIN = Path("/bin-of-test")


@pytest.fixture
def specs(tmp_path: Path) -> list[Spec]:
    run = RunDir(tmp_path / "run")
    pki = certificates.make(run.pki, address=NODE_ADDRESS, api_names=bringup.api_names(), node="node-1")
    config = run.config / "some.kubeconfig"
    place = bringup.PLACE
    return [
        control_plane.etcd(BIN / "etcd", place, run, pki),
        control_plane.api_server(BIN / "kube-apiserver", place, run, pki),
        control_plane.controller_manager(BIN / "kube-controller-manager", place, config, pki),
        control_plane.scheduler(BIN / "kube-scheduler", place, config),
        node.containerd(BIN / "containerd", BIN / "unshare", run),
        node.kubelet(BIN / "kubelet", BIN / "nsenter", run, pki, config, 4711),
        node.kube_proxy(BIN / "kube-proxy", run, config),
        node.coredns(BIN / "coredns", run, config),
        metrics_server.metrics_server(BIN / "metrics-server", config, pki),
    ]


def text(spec: Spec) -> str:
    return "\n".join([*spec.command, *spec.files.values()])


def test_there_is_a_spec_for_each_daemon(specs: list[Spec]) -> None:
    assert {spec.name for spec in specs} == set(bringup.DAEMONS)


def test_no_daemon_names_a_file_elsewhere(specs: list[Spec], tmp_path: Path) -> None:
    known = (str(tmp_path), str(BIN), str(CNI_PLUGINS), *MASKED, "/bin/sh", "/proc/4711/ns/mnt")
    other = ("/health", "/readyz", "/livez", "/ready", f"/{RunDir(tmp_path / 'run').cgroup}")
    for spec in specs:
        for path in re.findall(r"""(?:^|[\s"'=:])(/\w[\w./-]*)""", text(spec)):
            assert path.startswith(known) or path in other, f"{spec.name}: {path}"


def test_every_port_is_checked_before_the_start(specs: list[Spec]) -> None:
    for spec in specs:
        found = re.findall(rf"{re.escape(NODE_ADDRESS)}:(\d+)|(?:[pP]ort(?:\"|=|)[=: ]*)(\d+)", text(spec))
        ports = {int(port) for pair in found for port in pair if port}
        assert ports <= set(NODE_PORTS), spec.name


def test_the_kubelet_keeps_to_the_clusters_control_group_and_evicts_nothing(specs: list[Spec], tmp_path: Path) -> None:
    kubelet = next(spec for spec in specs if spec.name == "kubelet")
    config = json.loads(next(content for path, content in kubelet.files.items() if path.name == "kubelet.json"))
    assert config["cgroupRoot"] == "/run"  # the run directory's name
    assert config["imageGCHighThresholdPercent"] == 100


def test_every_fixed_place_is_masked_in_the_nodes_view(tmp_path: Path) -> None:
    script = node.enter_node(RunDir(tmp_path))
    assert all(f" {masked}\n" in script for masked in MASKED)
    assert script.splitlines()[-1] == 'exec "$@"'
