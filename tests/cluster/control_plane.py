"""The control plane's daemons: etcd, API server, controller manager, scheduler. Pure: a place and paths in, specs out.

Control-plane-only mode needs no more than these, at 127.0.0.1, without root.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from .certificates import Pki
from .paths import RunDir
from .specs import Health, Spec, flags


@dataclass(frozen=True)
class Place:
    """Where a control plane listens, and what it serves."""

    address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    controller_manager_port: int
    scheduler_port: int
    services: IPv4Network
    pods: IPv4Network

    @property
    def api_url(self) -> str:
        """The API server's URL."""
        return f"https://{self.address}:{self.api_port}"


def etcd(program: Path, place: Place, run: RunDir, pki: Pki) -> Spec:
    """The store; it forgoes fsync, because a cluster that lives for minutes need not survive a power cut."""
    client, peer = (f"https://{place.address}:{port}" for port in (place.etcd_port, place.etcd_peer_port))
    options = flags(
        name="default",
        data_dir=run.etcd,
        listen_client_urls=client,
        advertise_client_urls=client,
        listen_peer_urls=peer,
        initial_advertise_peer_urls=peer,
        initial_cluster=f"default={peer}",
        cert_file=pki.etcd.certificate,
        key_file=pki.etcd.key,
        trusted_ca_file=pki.etcd_ca.certificate,
        peer_cert_file=pki.etcd.certificate,
        peer_key_file=pki.etcd.key,
        peer_trusted_ca_file=pki.etcd_ca.certificate,
        log_level="warn",
        quota_backend_bytes=1 << 31,
    )
    return Spec(
        "etcd",
        (str(program), *options, "--client-cert-auth", "--peer-client-cert-auth", "--unsafe-no-fsync"),
        health=Health(f"{client}/health", pki.etcd_ca.certificate, pki.etcd_client),
    )


AUDIT_POLICY: Final[Mapping[str, Any]] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io"}, {"group": "authorization.k8s.io"}]},
        {"level": "None", "resources": [{"group": "authentication.k8s.io"}]},
        {"level": "Metadata"},
    ],
}
"""Every write is logged, so that a test can show that there was none; leases and access reviews are not."""


def api_server(
    program: Path, place: Place, run: RunDir, pki: Pki, audit_policy: Mapping[str, Any] = AUDIT_POLICY
) -> Spec:
    """The API server: RBAC as everywhere, audit log of writes, aggregation for APIServices."""
    policy = run.config / "audit-policy.json"
    options = flags(
        bind_address=place.address,
        advertise_address=place.address,
        secure_port=place.api_port,
        etcd_servers=f"https://{place.address}:{place.etcd_port}",
        etcd_cafile=pki.etcd_ca.certificate,
        etcd_certfile=pki.etcd_client.certificate,
        etcd_keyfile=pki.etcd_client.key,
        tls_cert_file=pki.api_server.certificate,
        tls_private_key_file=pki.api_server.key,
        client_ca_file=pki.ca.certificate,
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        service_cluster_ip_range=str(place.services),
        service_account_issuer="https://kubernetes.default.svc.cluster.local",
        service_account_key_file=pki.service_accounts.certificate,
        service_account_signing_key_file=pki.service_accounts.key,
        kubelet_certificate_authority=pki.ca.certificate,
        kubelet_client_certificate=pki.kubelet_client.certificate,
        kubelet_client_key=pki.kubelet_client.key,
        # The node's name is in no DNS: logs and exec go to its address.
        kubelet_preferred_address_types="InternalIP",
        requestheader_client_ca_file=pki.front_proxy_ca.certificate,
        requestheader_allowed_names="front-proxy",
        requestheader_username_headers="X-Remote-User",
        requestheader_group_headers="X-Remote-Group",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        proxy_client_cert_file=pki.front_proxy.certificate,
        proxy_client_key_file=pki.front_proxy.key,
        enable_aggregator_routing="true",
        allow_privileged="true",
        # etcd 3.4 cannot stream a list. Told so at once, newer clients list; else they try again and again.
        feature_gates="WatchList=false",
        audit_policy_file=policy,
        audit_log_path=run.audit_log,
        audit_log_maxsize=200,
        audit_log_maxbackup=1,
    )
    return Spec(
        "kube-apiserver",
        (str(program), *options),
        files={policy: json.dumps(audit_policy, indent=1)},
        health=Health(f"{place.api_url}/readyz", pki.ca.certificate, pki.clients["admin"]),
    )


def controller_manager(program: Path, place: Place, kubeconfig: Path, pki: Pki) -> Spec:
    """The controllers; autoscaling looks every 5 s and the client's rate limit is raised, both for quick tests."""
    options = flags(
        bind_address=place.address,
        secure_port=place.controller_manager_port,
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        leader_elect="false",
        use_service_account_credentials="true",
        service_account_private_key_file=pki.service_accounts.key,
        root_ca_file=pki.ca.certificate,
        cluster_signing_cert_file=pki.ca.certificate,
        cluster_signing_key_file=pki.ca.key,
        cluster_cidr=str(place.pods),
        service_cluster_ip_range=str(place.services),
        horizontal_pod_autoscaler_sync_period="5s",
        kube_api_qps=200,
        kube_api_burst=400,
    )
    return Spec(
        "kube-controller-manager",
        (str(program), *options),
        health=Health(f"https://{place.address}:{place.controller_manager_port}/healthz"),
    )


def scheduler(program: Path, place: Place, kubeconfig: Path) -> Spec:
    """The scheduler, as it comes."""
    options = flags(
        bind_address=place.address,
        secure_port=place.scheduler_port,
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        leader_elect="false",
    )
    return Spec(
        "kube-scheduler",
        (str(program), *options),
        health=Health(f"https://{place.address}:{place.scheduler_port}/healthz"),
    )
