"""The cluster as its users see it: `up`, `down`, `current`, and what a running `Cluster` tells and takes."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import (
    addresses,
    api,
    bringup,
    cgroups,
    containers,
    images,
    processes,
    programs,
    restarting,
    sandbox_image,
    teardown,
    tools,
)
from .errors import ClusterError, NotRunningError
from .lock import locked
from .machine import Before
from .paths import RunDir
from .progress import note, seconds, step


@dataclass(frozen=True)
class Status:
    """What `status` shows: each daemon and whether it runs, and what is wrong (nothing: the cluster is healthy)."""

    daemons: dict[str, bool]
    node_ready: bool
    complete: bool

    @property
    def problems(self) -> list[str]:
        """Return what is wrong, in words."""
        found = [f"{name} does not run" for name, alive in self.daemons.items() if not alive]
        if not self.complete:
            found.append("its `up` did not finish")
        if not self.node_ready:
            found.append("the node is not Ready")
        return found


@dataclass(frozen=True)
class Cluster:
    """A running cluster; `up` and `current` return one."""

    run: RunDir = field(default_factory=RunDir)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; valid as long as this cluster lives."""
        return self.run.kubeconfig

    @property
    def node_address(self) -> str:
        """The node's IP address: a server that a test starts there is reached by pods and by the host alike."""
        return addresses.NODE_ADDRESS

    @property
    def logs(self) -> Path:
        """The directory of the daemons' logs, one `<daemon>.log` each."""
        return self.run.logs

    @property
    def audit_log(self) -> Path:
        """Every write request that the API server answered, a JSON audit event a line."""
        return self.run.audit_log

    @property
    def kubectl(self) -> Path:
        """The `kubectl` of the cluster's version."""
        return tools.binary("kubectl")

    def status(self) -> Status:
        """Look at the cluster."""
        before = Before.read(self.run.state_file)
        alive = {record.name for record in processes.recorded(self.run.pids) if record.alive()}
        return Status(
            daemons={name: name in alive for name in bringup.DAEMONS},
            node_ready=api.node_ready(self.run),
            complete=before is not None and before.complete,
        )

    def load(self, image: str | Path) -> list[str]:
        """Make an image usable by pods; returns the references by which pods name it (with `imagePullPolicy: Never`).

        `image` is the path of an OCI or Docker archive, or a name in the cache's storage, such as one that
        `images.build_all` built. Raises `ClusterError` when there is no such image, and
        `NotRunningError` without a cluster.
        """
        if not self.run.containerd_socket.exists():
            raise NotRunningError
        with images.archive(str(image)) as path, step(f"loading {image}"):
            return containers.load(self.run, path)

    def restart_kubelet(self) -> None:
        """Kill the kubelet, start it anew, and wait until the node is Ready; the pods run on meanwhile."""
        with locked(self.run):
            restarting.restart_kubelet(self.run)

    def kill_container(self, container_id: str) -> None:
        """Kill a container by SIGKILL, without a word to anybody; `container_id` is as a pod's status has it."""
        containers.kill(self.run, container_id.removeprefix("containerd://"))


def up(run: RunDir | None = None) -> Cluster:
    """Start the cluster and return it; a healthy one that runs already is returned as it is.

    What is left of an `up` that did not finish is cleared first. Raises `ClusterError` when a finished cluster is no
    longer healthy (it may hold somebody's work: `down` is theirs to say), when the machine lacks something, or when a
    daemon dies; the daemons that run by then are left for a look at them.
    """
    run = run or RunDir()
    if os.geteuid() != 0:
        raise ClusterError("a node needs root (containers, mounts, routes): run this with sudo")
    programs.check(programs.NODE)
    binaries, image = bringup.Binaries.build(), sandbox_image.ensure()
    began = time.monotonic()
    with locked(run) as lock:
        if _is_healthy(run, binaries.key):
            note(f"the cluster is up already: export KUBECONFIG={run.kubeconfig}")
            return Cluster(run)
        if run.state_file.exists() or cgroups.groups(run.cgroup):
            note("an earlier `up` or `down` did not finish; clearing what it left")
        teardown.clear(run)
        try:
            bringup.node_mode(run, lock, binaries, image)
        except ClusterError:
            if run.state_file.exists():
                note(f"what runs was left for a look (logs: {run.logs}); clean up: python -m tests.cluster down")
            else:  # refused before anything was changed
                run.root.rmdir()
            raise
    note(f"the cluster is up after {seconds(time.monotonic() - began)}: export KUBECONFIG={run.kubeconfig}")
    return Cluster(run)


def _is_healthy(run: RunDir, tools_key: str) -> bool:
    before = Before.read(run.state_file)
    if before is None or not before.complete:
        return False
    if problems := Cluster(run).status().problems:
        raise ClusterError(
            f"a cluster is up but not healthy: {'; '.join(problems)} (logs: {run.logs}). "
            "To start anew: python -m tests.cluster down, then up"
        )
    if before.tools != tools_key:
        note("it runs other versions than this tree asks for; to renew it: python -m tests.cluster down, then up")
    return True


def current(run: RunDir | None = None) -> Cluster:
    """Return the cluster that is up; raise `NotRunningError` when none is, or its `up` did not finish."""
    run = run or RunDir()
    before = Before.read(run.state_file)
    if before is None or not before.complete:
        raise NotRunningError
    return Cluster(run)


def down(run: RunDir | None = None) -> bool:
    """Take the cluster down, and leave nothing but the cache; return whether there was anything to take down."""
    return teardown.down(run or RunDir())
