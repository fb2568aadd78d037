"""The daemons of a control plane without machines. Pure: a place and paths in, specs out."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from . import control_plane, control_port, kwok
from .certificates import Pki
from .paths import TREE, RunDir
from .specs import Health, Spec, flags

PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "env")
"""The programs that run."""

SERVICES: Final = IPv4Network("10.199.0.0/16")
"""Addresses of Services; nothing is routed there."""

KWOK_PORT: Final = 10247

WITHOUT: Final = (
    # Endpoints may not be loopback addresses, and nobody here routes by them.
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    # Nobody posts the node's health.
    "node-lifecycle-controller",
)
"""Controllers of kube-controller-manager that do not run."""


def place_in(network: IPv4Network) -> control_plane.Place:
    """Return where the control plane of this network listens: near its last address, far from the pods'."""
    return control_plane.Place(
        address=str(network[-2]),
        api_port=6443,
        etcd_port=2379,
        etcd_peer_port=2380,
        controller_manager_port=10257,
        scheduler_port=10259,
        services=SERVICES,
        pods=network,
    )


@dataclass(frozen=True)
class Tuning:
    """What a test may want to be otherwise.

    `qps` limits the clients of the controller manager and of the scheduler, requests a second; bursts may be twice as
    large. The autoscaler looks every `autoscaler_period`. What the API server logs is said by `audit_policy`;
    `api_server` are more of its flags, with _ for -, such as `enable_admission_plugins`.
    """

    qps: int = 200
    autoscaler_period: str = "5s"
    audit_policy: Mapping[str, Any] = field(default_factory=lambda: control_plane.AUDIT_POLICY)
    api_server: Mapping[str, str] = field(default_factory=dict)


def api_server(program: Path, place: control_plane.Place, run: RunDir, pki: Pki, tuning: Tuning) -> Spec:
    """The API server, as node mode has it, but that addresses may be loopback ones and nodes need no caretaker."""
    return _with(
        control_plane.api_server(program, place, run, pki, tuning.audit_policy),
        **tuning.api_server,
        endpoint_reconciler_type="none",
        disable_admission_plugins="TaintNodesByCondition",
        # One file: who counts requests need not know of a second one.
        audit_log_maxsize=4000,
    )


def others(
    binaries: dict[str, Path],
    place: control_plane.Place,
    run: RunDir,
    pki: Pki,
    configs: dict[str, Path],
    tuning: Tuning,
) -> list[Spec]:
    """All that starts when the API server answers."""
    limits = {"kube_api_qps": tuning.qps, "kube_api_burst": 2 * tuning.qps}
    controllers = ",".join(["*", *(f"-{name}" for name in WITHOUT)])
    manager = control_plane.controller_manager(
        binaries["kube-controller-manager"], place, configs["controller-manager"], pki
    )
    scheduler = control_plane.scheduler(binaries["kube-scheduler"], place, configs["scheduler"])
    return [
        _with(
            manager, controllers=controllers, horizontal_pod_autoscaler_sync_period=tuning.autoscaler_period, **limits
        ),
        _with(scheduler, **limits),
        kwok.kwok(binaries["kwok"], run, configs["kwok"], place.address, KWOK_PORT, place.pods),
        stand_in(binaries["env"], configs["kwok"], place.pods),
    ]


def stand_in(env: Path, kubeconfig: Path, pods: IPv4Network) -> Spec:
    """The stand-in for the pods' control port."""
    command = (sys.executable, "-m", control_port.__name__, str(kubeconfig), str(pods))
    return Spec(
        "control-port",
        (str(env), f"PYTHONPATH={TREE}", *command),
        health=Health(f"http://{pods[1]}:{control_port.PORT}/healthz"),
    )


def _with(spec: Spec, **values: str | Path | int) -> Spec:
    # The last of two flags of one name counts.
    return Spec(spec.name, (*spec.command, *flags(**values)), spec.files, spec.health, spec.socket)
