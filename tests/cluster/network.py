"""The node's network: an address of its own on a bridge of its own, and routes that let nothing leave the machine.

Service addresses are routed to the bridge, where nobody answers until kube-proxy translates them; pod addresses that
no pod has are unreachable. A chain of ours in FORWARD holds pods on the machine and strangers out of it.
"""

import socket
import time
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from . import iptables
from .addresses import BRIDGE, CLUSTER_RANGE, NODE_ADDRESS, POD_RANGE, SERVICE_RANGE
from .commands import run
from .errors import ClusterError
from .programs import find

CHAIN: Final = "ONNX-OPERATOR"


def check_free(ports: Mapping[int, str], routes: str | None = None) -> None:
    """Raise unless the cluster's range is unused here and its ports can be listened on.

    To be called before the node's address exists, so a listener in the way is one on every address.
    """
    shown = run([find("ip"), "-4", "route", "show", "table", "all"]) if routes is None else routes
    if clash := overlapping(shown.splitlines(), CLUSTER_RANGE):
        raise ClusterError(
            f"the cluster's address range {CLUSTER_RANGE} is in use on this machine: {clash}. "
            "Take that route away, or change CLUSTER_RANGE in tests/cluster/addresses.py"
        )
    if chains := iptables.kubernetes_chains():
        raise ClusterError(
            f"another Kubernetes node runs on this machine (iptables has {chains[0]}); "
            "two nodes would share one set of rules: stop the other one first"
        )
    for port, daemon in ports.items():
        if port_in_use(port):
            raise ClusterError(f"port {port}, which {daemon} needs, is in use on every address; see: ss -lntup")


def overlapping(routes: Iterable[str], wanted: IPv4Network) -> str | None:
    """Return the first of `ip route`'s lines whose destination overlaps `wanted`, the default route apart."""
    kinds = {"local", "broadcast", "unreachable", "blackhole", "prohibit", "throw", "multicast", "unicast"}
    for line in routes:
        words = [word for word in line.split() if word not in kinds]
        try:
            destination = IPv4Network(words[0])
        except (IndexError, ValueError):
            continue
        if destination.prefixlen and destination.overlaps(wanted):
            return line.strip()
    return None


def port_in_use(port: int) -> bool:
    """Whether somebody listens on this port on every address, by TCP or UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as probe:
            if kind == socket.SOCK_STREAM:  # what is left of closed connections is no listener
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                # No one listens on just this address: binding it fails when somebody holds the port on all of them.
                probe.bind(("127.255.255.254", port))
            except OSError:
                return True
    return False


def create(*, forwarded_before: bool) -> None:
    """Make the bridge, its address, the routes and the forwarding rules; what is there already is made anew."""
    ip = find("ip")
    _delete_links({BRIDGE})
    run([ip, "link", "add", BRIDGE, "type", "bridge"])
    run([ip, "addr", "add", f"{NODE_ADDRESS}/32", "dev", BRIDGE])
    run([ip, "link", "set", BRIDGE, "up"])
    run([ip, "route", "replace", str(SERVICE_RANGE), "dev", BRIDGE, "src", NODE_ADDRESS])
    run([ip, "route", "replace", "unreachable", str(POD_RANGE)])
    iptables.restore("iptables", rules(forwarded_before=forwarded_before))


def rules(*, forwarded_before: bool) -> str:
    """Return our chain as input to iptables-restore.

    Where the machine did not forward before us, it goes on forwarding nothing but pods' packets.
    """
    others = [] if forwarded_before else [f"-A {CHAIN} -j DROP"]
    return "\n".join(
        [
            "*filter",
            f":{CHAIN} - [0:0]",
            f"-A {CHAIN} -s {POD_RANGE} -d {POD_RANGE} -j ACCEPT",
            f"-A {CHAIN} -s {POD_RANGE} -d {SERVICE_RANGE} -j RETURN",
            f"-A {CHAIN} -s {POD_RANGE} -j REJECT --reject-with icmp-net-prohibited",
            f"-A {CHAIN} -d {CLUSTER_RANGE} -j REJECT --reject-with icmp-net-prohibited",
            *others,
            f"-I FORWARD 1 -j {CHAIN}",
            "COMMIT",
            "",
        ]
    )


def remove() -> None:
    """Take away our links, routes and rules, and Kubernetes'; nothing happens to what is gone already."""
    iptables.clean(ours=CHAIN)
    run([find("ip"), "route", "flush", "root", str(CLUSTER_RANGE)])
    _delete_links({BRIDGE})
    _wait_pods_gone()


def _delete_links(names: set[str]) -> None:
    for _, name in socket.if_nameindex():
        if name in names:
            run([find("ip"), "link", "del", name])


def _wait_pods_gone(limit: float = 15.0) -> None:
    # The kernel removes a pod's interface with its network namespace, a moment after its last process.
    deadline = time.monotonic() + limit
    while routed := _pod_links():
        if time.monotonic() > deadline:
            _delete_links(routed)
            return
        time.sleep(0.02)


def _pod_links() -> set[str]:
    """Return the links that carry an address of the pods' range: the host's ends of pods' interfaces."""
    shown = run([find("ip"), "-4", "-oneline", "addr", "show"])
    return {
        words[1].partition("@")[0]
        for words in (line.split() for line in shown.splitlines())
        if IPv4Network(words[3].partition("/")[0]).subnet_of(POD_RANGE)
    }


def forward() -> None:
    """Let the kernel pass packets between pods."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
