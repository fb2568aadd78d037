"""What `up` changes on the machine itself, written down before it does, and how `down` changes it back.

Kernel settings, directories that the daemons insist on, and controllers of control groups.
"""

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from . import cgroups

SYSCTLS: Final = (
    # ours, so that pods reach services and each other
    "net/ipv4/ip_forward",
    # the kubelet sets these for the whole machine
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    # kube-proxy and CNI plugins may set these
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/vs/conntrack",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
    "net/bridge/bridge-nf-call-iptables",
)
"""The kernel settings, below /proc/sys, that a node's daemons change."""

MASKED: Final = (
    "/run/containerd",
    "/run/mount",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
"""Directories whose path the daemons do not let us choose; the node's daemons see ones of ours in their place."""

PROC_SYS: Final = Path("/proc/sys")


@dataclass
class Before:
    """The machine as it was before `up`, and how far `up` came."""

    sysctls: dict[str, str] = field(default_factory=dict)
    made_directories: list[str] = field(default_factory=list)
    controllers: list[str] = field(default_factory=list)
    complete: bool = False
    tools: str = ""

    @classmethod
    def observe(cls, tools: str) -> "Before":
        """Look at the machine; `tools` names the binaries that the cluster is going to run."""
        sysctls = {name: (PROC_SYS / name).read_text() for name in SYSCTLS if (PROC_SYS / name).exists()}
        missing = [
            str(folder) for masked in MASKED for folder in (Path(masked), *Path(masked).parents) if not folder.exists()
        ]
        return cls(sysctls, sorted(set(missing)), cgroups.missing_controllers(), tools=tools)

    @classmethod
    def read(cls, file: Path) -> "Before | None":
        """Read what an `up` wrote down; None when none did."""
        try:
            return cls(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None

    def write(self, file: Path) -> None:
        """Write it down at once or not at all."""
        partial = file.with_suffix(".new")
        partial.write_text(json.dumps(asdict(self), indent=1))
        partial.rename(file)

    @property
    def forwarded(self) -> bool:
        """Whether the machine forwarded packets between its interfaces before us."""
        return self.sysctls.get("net/ipv4/ip_forward", "1").strip() != "0"

    def make_directories(self) -> None:
        """Make the directories that have to be there to be masked."""
        for folder in MASKED:
            Path(folder).mkdir(parents=True, exist_ok=True)

    def restore(self) -> None:
        """Set the kernel's settings back, and remove the directories we made unless somebody else put files there."""
        for name, value in self.sysctls.items():
            setting = PROC_SYS / name
            if setting.exists() and setting.read_text() != value:
                setting.write_text(value)
        cgroups.release_controllers(self.controllers)
        for folder in sorted(self.made_directories, reverse=True):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
