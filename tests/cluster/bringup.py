"""Brings a node-mode cluster up: writes down the machine, makes the network, starts the daemons side by side."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from . import (
    addresses,
    api,
    certificates,
    cgroups,
    containers,
    control_plane,
    health,
    kubeconfigs,
    metrics_server,
    network,
    node,
    programs,
    tools,
)
from .certificates import Pki
from .machine import Before
from .paths import RunDir
from .progress import step
from .rest import Rest
from .starting import Starter

PLACE: Final = control_plane.Place(
    address=addresses.NODE_ADDRESS,
    api_port=addresses.API_PORT,
    etcd_port=addresses.ETCD_PORT,
    etcd_peer_port=addresses.ETCD_PEER_PORT,
    controller_manager_port=addresses.CONTROLLER_MANAGER_PORT,
    scheduler_port=addresses.SCHEDULER_PORT,
    services=addresses.SERVICE_RANGE,
    pods=addresses.POD_RANGE,
)

DAEMONS: Final = (
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "metrics-server",
)
"""Every daemon of node mode."""


@dataclass(frozen=True)
class Binaries:
    """The folder of Kubernetes' programs, CoreDNS and metrics-server."""

    kubernetes: Path
    coredns: Path
    metrics_server: Path

    @classmethod
    def build(cls) -> "Binaries":
        """Return them, built where the cache lacks them."""
        return cls(tools.build("kubernetes"), tools.binary("coredns"), tools.binary("metrics-server"))

    @property
    def key(self) -> str:
        """What names these builds."""
        return f"{self.kubernetes.name} {self.coredns.parent.name} {self.metrics_server.parent.name}"


def node_mode(run: RunDir, lock: int, binaries: Binaries, sandbox_image: Path) -> None:
    """Start a cluster with one node; returns when the node is Ready, DNS answers and pods can be made.

    Metrics of pods come half a minute later.
    """
    before, starter = _prepare(run, lock, binaries.key)
    with step("making certificates"):
        pki = certificates.make(
            run.pki,
            address=PLACE.address,
            api_names=api_names(),
            node=addresses.NODE_NAME,
            metrics=metrics_server.HOST,
        )
        configs = kubeconfigs.write_all(run, PLACE.api_url, pki)
    etcd = control_plane.etcd(programs.find("etcd"), PLACE, run, pki)
    api_server = control_plane.api_server(binaries.kubernetes / "kube-apiserver", PLACE, run, pki)
    containerd = node.containerd(programs.find("containerd"), programs.find("unshare"), run)
    with ThreadPoolExecutor(1) as pool:
        with step("starting etcd, containerd and the API server"):
            runtime = starter.start(containerd)
            starter.start(etcd)
            starter.start(api_server)
            starter.wait_ready(containerd)
            imported = pool.submit(containers.load, run, sandbox_image)
            starter.wait_ready(etcd, api_server)
        with step("starting the controllers, the scheduler, the kubelet, kube-proxy, CoreDNS and metrics-server"):
            rest = [
                node.kubelet(
                    binaries.kubernetes / "kubelet", programs.find("nsenter"), run, pki, configs["kubelet"], runtime.pid
                ),
                control_plane.controller_manager(
                    binaries.kubernetes / "kube-controller-manager", PLACE, configs["controller-manager"], pki
                ),
                control_plane.scheduler(binaries.kubernetes / "kube-scheduler", PLACE, configs["scheduler"]),
                node.kube_proxy(binaries.kubernetes / "kube-proxy", run, configs["proxy"]),
                node.coredns(binaries.coredns, run, configs["dns"]),
                metrics_server.metrics_server(binaries.metrics_server, configs["metrics"], pki),
            ]
            for spec in rest:
                starter.start(spec)
            starter.wait_ready(*rest)
            _register_metrics(pki)
        with step("waiting for the node to be Ready"):
            imported.result()
            starter.wait("the node", partial(api.node_ready, run))
            starter.wait("the default ServiceAccount", partial(api.accounts_ready, run))
    before.complete = True
    before.write(run.state_file)


def _register_metrics(pki: Pki) -> None:
    # Only once it answers: an API that is registered and does not answer fails everybody's discovery.
    rest = Rest(PLACE.api_url, health.context(pki.ca.certificate, pki.clients["admin"]))
    with contextlib.closing(rest):
        for collection, manifest in metrics_server.objects(pki).items():
            rest.create(collection, manifest)


def api_names() -> list[str]:
    """Return the names and addresses by which pods know the API server."""
    service = "kubernetes.default.svc"
    names = ["kubernetes", "kubernetes.default", service, f"{service}.{addresses.CLUSTER_DOMAIN}"]
    return [*names, str(addresses.API_SERVICE)]


def _prepare(run: RunDir, lock: int, tools_key: str) -> tuple[Before, Starter]:
    network.check_free(addresses.NODE_PORTS)
    before = Before.observe(tools_key)
    before.write(run.state_file)
    run.make()
    before.make_directories()
    network.create(forwarded_before=before.forwarded)
    network.forward()
    return before, Starter(run, lock, cgroups.create(run.cgroup))
