"""Where things lie: the cache (kept) and the run directory (gone after `down`), both outside the tree."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).resolve().parents[2]
"""The root of the repository."""


def cache_dir() -> Path:
    """Return the cache: `$ONNX_OPERATOR_CACHE`, else `onnx-operator` in the user's cache directory."""
    if chosen := os.environ.get("ONNX_OPERATOR_CACHE"):
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).resolve() / "onnx-operator"


def run_dir() -> Path:
    """Return where the running cluster's files lie; only the cluster's own tests choose another place."""
    return Path(os.environ.get("ONNX_OPERATOR_RUN_DIR") or "/var/lib/onnx-operator-cluster")


@dataclass(frozen=True)
class RunDir:
    """The running cluster's files: state, certificates, data and logs. Root's alone, on a disk that may grow."""

    root: Path = field(default_factory=run_dir)

    @property
    def cgroup(self) -> str:
        """The name of the control group, at the root of each hierarchy, that holds all of the cluster's processes."""
        return self.root.name

    @property
    def state_file(self) -> Path:
        """What `down` has to know of the machine as it was before `up`."""
        return self.root / "state.json"

    @property
    def pids(self) -> Path:
        """One record a daemon."""
        return self.root / "pids"

    @property
    def logs(self) -> Path:
        """One log a daemon, and the API server's audit log."""
        return self.root / "logs"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.root / "pki"

    @property
    def config(self) -> Path:
        """Configuration files and the daemons' kubeconfigs."""
        return self.root / "config"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Every write request that the API server answered, one JSON object a line."""
        return self.logs / "audit.log"

    @property
    def etcd(self) -> Path:
        """etcd's data."""
        return self.root / "etcd"

    @property
    def kubelet(self) -> Path:
        """The kubelet's root: pod volumes lie here."""
        return self.root / "kubelet"

    @property
    def containerd(self) -> Path:
        """containerd's images, containers and sockets."""
        return self.root / "containerd"

    @property
    def containerd_socket(self) -> Path:
        """The socket that `ctr` and the kubelet speak to."""
        return self.containerd / "containerd.sock"

    @property
    def masks(self) -> Path:
        """What lies, for the node's daemons only, over directories whose path they do not let us choose."""
        return self.root / "masks"

    @property
    def device_plugins(self) -> Path:
        """Where the kubelet has its socket for device plugins; they put theirs beside it."""
        return self.masks / "var-lib-kubelet" / "device-plugins"

    @property
    def tmp(self) -> Path:
        """The daemons' temporary directory."""
        return self.root / "tmp"

    @property
    def networks(self) -> Path:
        """Which pod has which address."""
        return self.root / "cni"

    @property
    def parts(self) -> tuple[Path, ...]:
        """Everything in the run directory but the state."""
        folders = (self.pids, self.logs, self.pki, self.config, self.etcd, self.kubelet, self.containerd)
        return (*folders, self.masks, self.tmp, self.networks, self.kubeconfig)

    def make(self) -> None:
        """Make the directories that daemons expect."""
        made = (self.pids, self.logs, self.pki, self.config, self.etcd, self.kubelet, self.containerd)
        for folder in (*made, self.masks, self.tmp):
            folder.mkdir(mode=0o700, exist_ok=True)
