"""A control plane without machines, for tests: no root, free ports, several at once, gone with the test process.

    with control_plane(tmp_path) as plane:
        plane.rest.get("/api/v1/namespaces/default")

etcd, API server, controller manager and scheduler are real. The node and the pods are played by KWOK (`kwok.py`), the
pods' control port by a stand-in (`control_port.py`): say so in the names of tests.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

import yaml

from . import certificates, control_port, health, kubeconfigs, kwok, loopback, programs, tools
from . import control_plane as daemons
from .certificates import Pki
from .paths import TREE, RunDir
from .rest import Rest
from .specs import Health, Spec, flags
from .starting import Starter

CRDS: Final = TREE / "crds"
SERVICES: Final = IPv4Network("10.199.0.0/16")
"""Addresses of Services; nothing is routed there."""

PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
KWOK_PORT: Final = 10247
ACCOUNT: Final = "/api/v1/namespaces/default/serviceaccounts/default"
DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

WITHOUT: Final = (
    # Endpoints may not be loopback addresses, and nobody here routes by them.
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    # Nobody posts the node's health.
    "node-lifecycle-controller",
)
"""Controllers of kube-controller-manager that do not run."""


@dataclass
class ControlPlane:
    """A running control plane.

    `pods` are the addresses of pods. `controller_qps` is the client's limit, in requests a second, of the controller
    manager and of the scheduler; bursts may be twice as large.
    """

    run: RunDir
    pods: IPv4Network
    place: daemons.Place
    pki: Pki
    controller_qps: int
    _starter: Starter = field(repr=False)
    _api_server: Spec = field(repr=False)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.run.kubeconfig

    @property
    def url(self) -> str:
        """The API server's URL."""
        return self.place.api_url

    @property
    def audit_log(self) -> Path:
        """Every write request that the API server answered, a JSON audit event a line."""
        return self.run.audit_log

    @property
    def logs(self) -> Path:
        """The directory of the daemons' logs, one `<daemon>.log` each."""
        return self.run.logs

    @property
    def kubectl(self) -> Path:
        """The `kubectl` that fits."""
        return binary("kubectl")

    @cached_property
    def rest(self) -> Rest:
        """Calls to the API server as the administrator."""
        return Rest(self.url, health.context(self.pki.ca.certificate, self.pki.clients["admin"]))

    def stop_api_server(self, *, kill: bool = False) -> None:
        """Stop the API server and return when it is gone: with SIGTERM and a few seconds, or with SIGKILL at once."""
        self._starter.end("kube-apiserver", grace=0.0 if kill else 3.0)  # it would wait for open watches

    def start_api_server(self) -> None:
        """Start the API server again, on the same data, and return when it is ready."""
        self._starter.start(self._api_server)
        self._starter.wait_ready(self._api_server)

    def restart_api_server(self, *, kill: bool = False) -> None:
        """Stop the API server and start it again."""
        self.stop_api_server(kill=kill)
        self.start_api_server()

    def check(self) -> None:
        """Raise `DaemonDiedError` if a daemon has ended by itself."""
        self._starter.wait("nothing", lambda: True)


@contextmanager
def control_plane(folder: Path, *, crds: Path | None = CRDS, controller_qps: int = 200) -> Iterator[ControlPlane]:
    """Bring a control plane up in `folder`, a directory of its own, with the definitions in `crds` installed.

    It is ready when pods of the default namespace can be made and are played. Raises `ClusterError` when a program is
    missing or a daemon dies. Its files stay, for a look at the logs.
    """
    binaries = {name: binary(name) for name in PROGRAMS}
    folder.mkdir(parents=True, exist_ok=True)
    run = RunDir(folder.resolve())
    run.make()
    with loopback.claimed() as network:
        starter = Starter(run, None, None)
        try:
            yield _bring_up(run, network, starter, binaries, crds, controller_qps)
        finally:
            starter.end_all()


def binary(name: str) -> Path:
    """Return a program of the control plane: of `$KUBEBUILDER_ASSETS` if it has it, of the cache or machine if not.

    The controller manager of the cache may be newer than an API server of `$KUBEBUILDER_ASSETS`: mind the versions.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (given := Path(assets) / name).exists():
        return given.resolve()
    return programs.find("etcd") if name == "etcd" else tools.binary(name)


def place_in(network: IPv4Network) -> daemons.Place:
    """Return where the control plane of this network listens: at its last address, far from the pods'."""
    return daemons.Place(
        address=str(network[-2]),
        api_port=6443,
        etcd_port=2379,
        etcd_peer_port=2380,
        controller_manager_port=10257,
        scheduler_port=10259,
        services=SERVICES,
        pods=network,
    )


def _bring_up(
    run: RunDir,
    network: IPv4Network,
    starter: Starter,
    binaries: dict[str, Path],
    crds: Path | None,
    qps: int,
) -> ControlPlane:
    place = place_in(network)
    pki = certificates.make(run.pki, address=place.address, api_names=[str(SERVICES[1])], node=kwok.NODE)
    configs = _write_kubeconfigs(run, place, pki)
    etcd = daemons.etcd(binaries["etcd"], place, run, pki)
    api_server = _with(
        daemons.api_server(binaries["kube-apiserver"], place, run, pki),
        # The `kubernetes` Service cannot have a loopback address, and the node's taints would need its controller.
        endpoint_reconciler_type="none",
        disable_admission_plugins="TaintNodesByCondition",
    )
    limits = {"kube_api_qps": qps, "kube_api_burst": 2 * qps}
    manager = daemons.controller_manager(binaries["kube-controller-manager"], place, configs["controller-manager"], pki)
    rest = [
        _with(manager, controllers=",".join(["*", *(f"-{name}" for name in WITHOUT)]), **limits),
        _with(daemons.scheduler(binaries["kube-scheduler"], place, configs["scheduler"]), **limits),
        kwok.kwok(binaries["kwok"], run, configs["kwok"], place.address, KWOK_PORT, network),
        _stand_in(configs["kwok"], network),
    ]
    plane = ControlPlane(run, network, place, pki, qps, starter, api_server)
    starter.start(etcd)
    starter.start(api_server)
    starter.wait_ready(etcd, api_server)
    for spec in rest:
        starter.start(spec)
    with ThreadPoolExecutor(1) as pool:
        installed = pool.submit(_install, plane.rest, crds)
        starter.wait_ready(*rest)
        installed.result()
    starter.wait("the default ServiceAccount", partial(_is_there, plane.rest, ACCOUNT))
    starter.wait("the played node", partial(_node_ready, plane.rest))
    return plane


def _with(spec: Spec, **values: str | Path | int) -> Spec:
    # The last of two flags of one name counts.
    return Spec(spec.name, (*spec.command, *flags(**values)), spec.files, spec.health, spec.socket)


def _stand_in(kubeconfig: Path, network: IPv4Network) -> Spec:
    module = control_port.__name__
    command = (sys.executable, "-m", module, str(kubeconfig), str(network))
    return Spec(
        "control-port",
        (str(programs.find("env")), f"PYTHONPATH={TREE}", *command),
        health=Health(f"http://{network[1]}:{control_port.PORT}/healthz"),
    )


def _write_kubeconfigs(run: RunDir, place: daemons.Place, pki: Pki) -> dict[str, Path]:
    made = {}
    for name, client in pki.clients.items():
        path = run.kubeconfig if name == "admin" else run.config / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(kubeconfigs.content(place.api_url, pki.ca.certificate, client))
        made[name] = path
    return made


def _install(rest: Rest, crds: Path | None) -> None:
    rest.create("/api/v1/nodes", kwok.node())
    manifests = [yaml.safe_load(path.read_text()) for path in sorted(crds.glob("*.yaml"))] if crds else []
    for manifest in manifests:
        rest.create(DEFINITIONS, manifest)
    for manifest in manifests:
        name = manifest["metadata"]["name"]
        health.wait(f"the definition {name}", partial(_established, rest, f"{DEFINITIONS}/{name}"), [], limit=60)


def _established(rest: Rest, path: str) -> bool:
    return _condition(rest.get(path), "Established")


def _node_ready(rest: Rest) -> bool:
    return _condition(rest.get(f"/api/v1/nodes/{kwok.NODE}"), "Ready")


def _is_there(rest: Rest, path: str) -> bool:
    return rest.get(path) is not None


def _condition(obj: dict[str, Any] | None, kind: str) -> bool:
    conditions = (obj or {}).get("status", {}).get("conditions") or []  # null in a new definition
    return any(found["type"] == kind and found["status"] == "True" for found in conditions)
