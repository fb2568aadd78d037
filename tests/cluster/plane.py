"""A control plane without machines, for tests: no root, free ports, several at once, gone with the test process.

    with control_plane(tmp_path) as plane:
        plane.rest.get("/api/v1/namespaces/default")

etcd, API server, controller manager and scheduler are real. The node and the pods are played by KWOK (`kwok.py`), the
pods' control port by a stand-in (`control_port.py`): say so in the names of tests.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

import yaml

from . import certificates, health, kubeconfigs, kwok, loopback, plane_daemons, programs, tools
from .control_plane import Place, etcd
from .paths import TREE, RunDir
from .plane_daemons import Tuning
from .rest import Rest
from .specs import Spec
from .starting import Starter

CRDS: Final = TREE / "crds"
ACCOUNT: Final = "/api/v1/namespaces/default/serviceaccounts/default"
STANDARD: Final = Tuning()
DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane.

    `place` says where it listens, and in `place.pods` which addresses pods get. `rest` calls the API server as the
    administrator.
    """

    run: RunDir
    place: Place
    rest: Rest
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

    def stop_api_server(self, *, kill: bool = False) -> None:
        """Stop the API server and return when it is gone: with SIGTERM and a few seconds, or with SIGKILL at once."""
        # Left alone it would wait a minute for open watches.
        self._starter.end("kube-apiserver", grace=0.0 if kill else 3.0)

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
        self._starter.check()


@contextmanager
def control_plane(folder: Path, *, crds: Path | None = CRDS, tuning: Tuning = STANDARD) -> Iterator[ControlPlane]:
    """Bring a control plane up in `folder`, a directory of its own, with the definitions in `crds` installed.

    It is ready when pods of the default namespace can be made and are played. Raises `ClusterError` when a program is
    missing or a daemon dies. Its files stay, for a look at the logs.
    """
    binaries = {name: binary(name) for name in plane_daemons.PROGRAMS}
    folder.mkdir(parents=True, exist_ok=True)
    run = RunDir(folder.resolve())
    run.make()
    with ExitStack() as stack:
        network = stack.enter_context(loopback.claimed())
        starter = Starter(run, None, None)
        stack.callback(starter.end_all)
        plane = _bring_up(run, network, starter, binaries, crds, tuning)
        stack.callback(plane.rest.close)
        yield plane


def binary(name: str) -> Path:
    """Return a program of the control plane: of `$KUBEBUILDER_ASSETS` if it has it, of the cache or machine if not.

    The controller manager of the cache may be newer than an API server of `$KUBEBUILDER_ASSETS`: mind the versions.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (given := Path(assets) / name).exists():
        return given.resolve()
    return programs.find(name) if name in ("etcd", "env") else tools.binary(name)


def _bring_up(
    run: RunDir, network: IPv4Network, starter: Starter, binaries: dict[str, Path], crds: Path | None, tuning: Tuning
) -> ControlPlane:
    place = plane_daemons.place_in(network)
    pki = certificates.make(run.pki, address=place.address, api_names=[], node=kwok.NODE)
    configs = kubeconfigs.write_all(run, place.api_url, pki)
    store = etcd(binaries["etcd"], place, run, pki)
    server = plane_daemons.api_server(binaries["kube-apiserver"], place, run, pki, tuning)
    others = plane_daemons.others(binaries, place, run, pki, configs, tuning)
    rest = Rest(place.api_url, health.context(pki.ca.certificate, pki.clients["admin"]))
    starter.start(store)
    starter.start(server)
    starter.wait_ready(store, server)
    for spec in others:
        starter.start(spec)
    with ThreadPoolExecutor(1) as pool:
        installed = pool.submit(_install, rest, crds)
        starter.wait_ready(*others)
        installed.result()
    starter.wait("the default ServiceAccount", lambda: rest.get(ACCOUNT) is not None)
    starter.wait("the played node", lambda: _holds("Ready", rest.get(f"/api/v1/nodes/{kwok.NODE}")))
    return ControlPlane(run, place, rest, starter, server)


def _install(rest: Rest, crds: Path | None) -> None:
    rest.create("/api/v1/nodes", kwok.node())
    manifests = [yaml.safe_load(path.read_text()) for path in sorted(crds.glob("*.yaml"))] if crds else []
    for manifest in manifests:
        rest.create(DEFINITIONS, manifest)
    for manifest in manifests:
        name = manifest["metadata"]["name"]
        health.wait(f"the definition {name}", partial(_is_established, rest, name), [], limit=60)


def _is_established(rest: Rest, name: str) -> bool:
    return _holds("Established", rest.get(f"{DEFINITIONS}/{name}"))


def _holds(condition: str, obj: dict[str, Any] | None) -> bool:
    conditions = (obj or {}).get("status", {}).get("conditions") or []  # null in a new definition
    return any(found["type"] == condition and found["status"] == "True" for found in conditions)
