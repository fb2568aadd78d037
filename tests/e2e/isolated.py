"""A world for a cluster of its own: a network namespace and a run directory apart, next to any other cluster.

So the cluster's own tests take it up and down, and kill it on the way, without touching the one that others use.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.paths import TREE, RunDir

HOLD = "ip link set lo up && echo 0 > /proc/sys/net/ipv4/ip_forward && echo up && exec sleep 1000000"
FOLDERS = ("/etc", "/opt", "/run", "/var/lib", "/var/log", "/usr/libexec")
BUILDER = "/var/lib/containers"
"""A build of images that runs meanwhile makes and removes it; the cluster has nothing to do with it."""

VOLATILE = re.compile(
    r"/proc/sys/(kernel/(random|ns_last_pid|pty|sched_domain|perf_event|hostname)|fs/|vm/stat|"
    r"net/netfilter/nf_conntrack_(count|buckets|max)|net/ipv4/tcp_mem|net/ipv4/udp_mem)"
)


@dataclass(frozen=True)
class World:
    """The namespace's holder and the place of the cluster in it."""

    holder: int
    run: RunDir

    def prefix(self) -> list[str]:
        """Return what runs a command in the namespace."""
        return ["nsenter", f"--net=/proc/{self.holder}/ns/net", "--"]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the cluster's command line in this world."""
        return subprocess.Popen(
            [*self.prefix(), sys.executable, "-m", "tests.cluster", *arguments],
            cwd=TREE,
            env={**os.environ, "ONNX_OPERATOR_RUN_DIR": str(self.run.root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def cluster(self, *arguments: str) -> tuple[int, str]:
        """Run the cluster's command line to its end; return its exit code and all its output."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def shell(self, script: str) -> str:
        """Run a shell script in the namespace; return its stdout."""
        done = subprocess.run(
            [*self.prefix(), "sh", "-ec", script], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def snapshot(self) -> set[str]:
        """Return what the cluster could leave behind, a line each: for this world strictly, for the machine as well."""
        return {
            *self._processes(),
            *self._network(),
            *self._settings(),
            *(f"mount {line}" for line in Path("/proc/self/mountinfo").read_text().splitlines()),
            *(f"cgroup {group}" for group in cgroups.groups(self.run.cgroup)),
            *(f"file {path}" for folder in FOLDERS if Path(folder).exists() for path in Path(folder).iterdir()),
        } - {f"file {BUILDER}"}

    def _processes(self) -> Iterator[str]:
        # A process belongs to the world by its network, cgroup or mounts, or by naming the run directory.
        network = Path(f"/proc/{self.holder}/ns/net").readlink()
        own = {os.getpid(), self.holder}
        for folder in Path("/proc").glob("[0-9]*"):
            if int(folder.name) in own:
                continue
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                belongs = (
                    (folder / "ns/net").readlink() == network
                    or f"/{self.run.cgroup}" in (folder / "cgroup").read_text()
                    or str(self.run.root) in (folder / "mountinfo").read_text()
                    or str(self.run.root).encode() in (folder / "cmdline").read_bytes()
                )
            except OSError:  # a kernel thread, or it has just ended
                continue
            if belongs and stat[0] != "Z":
                yield f"process {folder.name} {(folder / 'cmdline').read_bytes()!r}"

    def _network(self) -> Iterator[str]:
        commands = ("ip -oneline link", "ip -oneline addr", "ip route show table all", "ip -6 route", "ip rule")
        for command in commands:
            yield from (f"{command}: {line}" for line in self.shell(command).splitlines())
        for family in ("iptables", "ip6tables"):
            for line in self.shell(f"{family}-save").splitlines():
                # The kernel's own chains, empty and open, are as good as none.
                if line.startswith("-") or (line.startswith(":") and " ACCEPT " not in line):
                    yield f"{family}: {line}"

    def _settings(self) -> Iterator[str]:
        found = self.shell("grep -rs . /proc/sys/net /proc/sys/vm /proc/sys/kernel || true")
        yield from (line for line in found.splitlines() if not VOLATILE.match(line))


@contextmanager
def world() -> Iterator[World]:
    """Make a world; whatever happened in it, nothing of it is left afterwards."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", HOLD],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "up\n"
    made = World(holder.pid, RunDir(Path(f"/var/lib/onnx-operator-lifecycle-{holder.pid}")))
    try:
        yield made
    finally:
        code, output = made.cluster("down")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
        assert code == 0, output
