"""The node's daemons: containerd with its CNI network, kubelet, kube-proxy, CoreDNS. Pure: paths in, specs out."""

import json
from pathlib import Path
from typing import Final

from .addresses import (
    CLUSTER_DOMAIN,
    DNS_PORT,
    DNS_READY_PORT,
    KUBELET_HEALTH_PORT,
    KUBELET_PORT,
    NODE_ADDRESS,
    NODE_NAME,
    POD_RANGE,
    PROXY_HEALTH_PORT,
    PROXY_METRICS_PORT,
)
from .certificates import Pki
from .machine import MASKED
from .paths import RunDir
from .programs import CNI_PLUGINS
from .specs import Health, Spec, flags

SANDBOX_IMAGE: Final = "localhost/onnx-operator/busybox:dev"
"""The image that holds a pod's namespaces open; it has busybox's programs, so tests may run it as a client, too."""


def containerd(program: Path, unshare: Path, run: RunDir) -> Spec:
    """The container runtime.

    It gets a mount namespace of its own, which the kubelet joins: whatever they mount goes when they do, and what they
    write to fixed places (`MASKED`) lies in the run directory.
    """
    config = run.config / "containerd.toml"
    network = run.config / "cni" / "10-pods.conflist"
    enter = run.config / "enter-node.sh"
    command = (str(program), "--config", str(config))
    return Spec(
        "containerd",
        (str(unshare), "--mount", "--propagation", "slave", "/bin/sh", str(enter), *command),
        files={
            enter: enter_node(run),
            config: containerd_config(run, network.parent),
            network: json.dumps(pod_network(run), indent=1),
        },
        socket=run.containerd_socket,
    )


def enter_node(run: RunDir) -> str:
    """Return the script that arranges the node's view of the file system and then becomes its arguments."""
    lines = ["set -e", "mount --make-rshared /"]
    for masked in MASKED:
        own = run.masks / masked.strip("/").replace("/", "-")
        lines += [f"mkdir -p {own}", f"mount --bind {own} {masked}"]
    return "\n".join([*lines, 'exec "$@"', ""])


def containerd_config(run: RunDir, networks: Path) -> str:
    """Return containerd's configuration: CRI only, everything below the run directory."""
    return f"""\
version = 2
root = "{run.containerd}/root"
state = "{run.containerd}/state"
temp = "{run.containerd}/tmp"
disabled_plugins = ["io.containerd.internal.v1.restart", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]

[grpc]
address = "{run.containerd_socket}"

[plugins."io.containerd.internal.v1.opt"]
path = "{run.containerd}/opt"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{SANDBOX_IMAGE}"
stream_server_address = "127.0.0.1"
netns_mounts_under_state_dir = true
# A profile would stay in the kernel after `down`.
disable_apparmor = true
# Where CAP_SYS_RESOURCE is missing, as in some containers and micro-VMs, runc cannot lower a score.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI_PLUGINS}"
conf_dir = "{networks}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def pod_network(run: RunDir) -> dict[str, object]:
    """Return the CNI configuration: each pod has a cable of its own to the host, which routes between them.

    `ptp` rather than `bridge`: packets between pods then always pass the host's rules, so services work without the
    machine-wide bridge-nf-call-iptables.
    """
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": str(POD_RANGE)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": str(run.networks),
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def kubelet(program: Path, nsenter: Path, run: RunDir, pki: Pki, kubeconfig: Path, containerd_pid: int) -> Spec:
    """The kubelet, in containerd's mount namespace."""
    config = run.config / "kubelet.json"
    resolver = run.config / "resolv.conf"
    options = flags(
        config=config,
        kubeconfig=kubeconfig,
        root_dir=run.kubelet,
        cert_dir=run.kubelet / "pki",
        hostname_override=NODE_NAME,
        node_ip=NODE_ADDRESS,
    )
    return Spec(
        "kubelet",
        (str(nsenter), f"--mount=/proc/{containerd_pid}/ns/mnt", "--", str(program), *options),
        files={
            config: json.dumps(kubelet_config(run, pki, resolver), indent=1),
            resolver: "",  # pods ask CoreDNS alone, and learn nothing of the machine's own resolvers
        },
        health=Health(f"http://{NODE_ADDRESS}:{KUBELET_HEALTH_PORT}/healthz"),
    )


def kubelet_config(run: RunDir, pki: Pki, resolver: Path) -> dict[str, object]:
    """Return the kubelet's configuration: cgroups without systemd, nothing evicted and no image removed."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "port": KUBELET_PORT,
        "healthzBindAddress": NODE_ADDRESS,
        "healthzPort": KUBELET_HEALTH_PORT,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.ca.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.kubelet_serving.certificate),
        "tlsPrivateKeyFile": str(pki.kubelet_serving.key),
        "containerRuntimeEndpoint": f"unix://{run.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{run.cgroup}",
        "failSwapOn": False,
        "failCgroupV1": False,
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(resolver),
        "volumePluginDir": str(run.kubelet / "volume-plugins"),
        # An image that only `load` can bring back must never be collected.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "registryBurst": 0,
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
    }


def kube_proxy(program: Path, run: RunDir, kubeconfig: Path) -> Spec:
    """kube-proxy with iptables; the kernel's connection-tracking settings stay as they are."""
    config = run.config / "kube-proxy.json"
    content = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "bindAddress": NODE_ADDRESS,
        "healthzBindAddress": f"{NODE_ADDRESS}:{PROXY_HEALTH_PORT}",
        "metricsBindAddress": f"{NODE_ADDRESS}:{PROXY_METRICS_PORT}",
        "nodePortAddresses": [f"{NODE_ADDRESS}/32"],
        "hostnameOverride": NODE_NAME,
        "clusterCIDR": str(POD_RANGE),
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "iptables": {"localhostNodePorts": False, "minSyncPeriod": "100ms"},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    return Spec(
        "kube-proxy",
        (str(program), f"--config={config}"),
        files={config: json.dumps(content, indent=1)},
        health=Health(f"http://{NODE_ADDRESS}:{PROXY_HEALTH_PORT}/livez"),
    )


def coredns(program: Path, run: RunDir, kubeconfig: Path) -> Spec:
    """The cluster's DNS, on the host at the node's address; names outside the cluster do not exist."""
    config = run.config / "Corefile"
    zones = f"{CLUSTER_DOMAIN} in-addr.arpa"
    # Two blocks, because within one `template` would answer before `kubernetes` is asked.
    content = f"""\
{CLUSTER_DOMAIN}:{DNS_PORT} in-addr.arpa:{DNS_PORT} {{
    bind {NODE_ADDRESS}
    errors
    ready {NODE_ADDRESS}:{DNS_READY_PORT}
    kubernetes {zones} {{
        kubeconfig {kubeconfig}
        ttl 5
    }}
}}
.:{DNS_PORT} {{
    bind {NODE_ADDRESS}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""
    return Spec(
        "coredns",
        (str(program), "-conf", str(config)),
        files={config: content},
        health=Health(f"http://{NODE_ADDRESS}:{DNS_READY_PORT}/ready"),
    )
