"""Restarts the kubelet of a running cluster, as its supervisor would on a real node."""

import time
from pathlib import Path
from typing import Final

from . import addresses, api, cgroups, health, processes, programs
from .errors import ClusterError
from .paths import RunDir
from .specs import Health

LIMIT: Final = 60.0


def restart_kubelet(run: RunDir) -> None:
    """Kill the kubelet and start it anew with the same arguments; return when it and the node are ready.

    Raises `ClusterError` when it does not run, or does not come back.
    """
    records = {record.name: record for record in processes.recorded(run.pids)}
    old, runtime = records["kubelet"], records["containerd"]
    if not old.alive():
        raise ClusterError("the kubelet does not run, so it cannot be restarted")
    arguments = Path(f"/proc/{old.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    entries = Path(f"/proc/{old.pid}/environ").read_bytes().decode().split("\0")
    processes.end([old])
    processes.start(
        "kubelet",
        # As `node.kubelet` starts it: in containerd's mount namespace.
        [str(programs.find("nsenter")), f"--mount=/proc/{runtime.pid}/ns/mnt", "--", *arguments],
        pids=run.pids,
        logs=run.logs,
        environment=dict(entry.split("=", 1) for entry in entries if "=" in entry),
        cgroup=cgroups.create(run.cgroup),
    )
    url = f"http://{addresses.NODE_ADDRESS}:{addresses.KUBELET_HEALTH_PORT}/healthz"
    deadline = time.monotonic() + LIMIT
    while not (_answers(url) and api.node_ready(run)):
        if time.monotonic() > deadline:
            raise ClusterError(f"the kubelet did not come back:\n{processes.tail(run.logs / 'kubelet.log')}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return bool(health.fetch(Health(url)))
    except OSError:
        return False
