"""The cluster's addresses and ports: constants, because only one node fits on a machine.

Everything listens on `NODE_ADDRESS`, an address of our own, so that a daemon on 127.0.0.1 never collides with us;
the ports are shifted all the same, for daemons that listen on every address.
"""

from ipaddress import IPv4Address, IPv4Network
from typing import Final

CLUSTER_RANGE: Final = IPv4Network("10.198.0.0/16")
POD_RANGE: Final = IPv4Network("10.198.32.0/22")
SERVICE_RANGE: Final = IPv4Network("10.198.16.0/20")
NODE_ADDRESS: Final = "10.198.0.1"
"""Where pods find what a test starts on the host, such as an S3 server: bind that server to this address."""

API_SERVICE: Final[IPv4Address] = SERVICE_RANGE[1]
"""The first service address: `kubernetes.default`."""

NODE_NAME: Final = "node-1"
CLUSTER_DOMAIN: Final = "cluster.local"
BRIDGE: Final = "onnx-op-node"

API_PORT: Final = 16443
ETCD_PORT: Final = 12379
ETCD_PEER_PORT: Final = 12380
KUBELET_PORT: Final = 20250
KUBELET_HEALTH_PORT: Final = 20248
CONTROLLER_MANAGER_PORT: Final = 20257
SCHEDULER_PORT: Final = 20259
PROXY_HEALTH_PORT: Final = 20256
PROXY_METRICS_PORT: Final = 20249
DNS_PORT: Final = 53
DNS_READY_PORT: Final = 20253
METRICS_PORT: Final = 20443

NODE_PORTS: Final[dict[int, str]] = {
    API_PORT: "kube-apiserver",
    ETCD_PORT: "etcd",
    ETCD_PEER_PORT: "etcd",
    KUBELET_PORT: "kubelet",
    KUBELET_HEALTH_PORT: "kubelet",
    CONTROLLER_MANAGER_PORT: "kube-controller-manager",
    SCHEDULER_PORT: "kube-scheduler",
    PROXY_HEALTH_PORT: "kube-proxy",
    PROXY_METRICS_PORT: "kube-proxy",
    DNS_PORT: "coredns",
    DNS_READY_PORT: "coredns",
    METRICS_PORT: "metrics-server",
}
"""Every port of node mode on `NODE_ADDRESS`, and the daemon that needs it."""

API_URL: Final = f"https://{NODE_ADDRESS}:{API_PORT}"
