"""metrics-server: pods' use of CPU and memory, for `kubectl top` and autoscaling. Pure: paths in, spec and objects out.

It runs on the host, behind a Service of its own EndpointSlice. Its first answers come after two looks at the kubelet.
"""

import base64
from pathlib import Path
from typing import Any, Final

from .addresses import METRICS_PORT, NODE_ADDRESS
from .certificates import Pki
from .specs import Health, Spec, flags

NAME: Final = "metrics-server"
NAMESPACE: Final = "kube-system"
HOST: Final = f"{NAME}.{NAMESPACE}.svc"
"""The name by which the API server knows it."""


def metrics_server(program: Path, kubeconfig: Path, pki: Pki) -> Spec:
    """The server itself; it looks at the kubelet every 10 s, its shortest."""
    options = flags(
        kubeconfig=kubeconfig,
        authentication_kubeconfig=kubeconfig,
        authorization_kubeconfig=kubeconfig,
        bind_address=NODE_ADDRESS,
        secure_port=METRICS_PORT,
        tls_cert_file=pki.metrics_serving.certificate,
        tls_private_key_file=pki.metrics_serving.key,
        kubelet_certificate_authority=pki.ca.certificate,
        kubelet_preferred_address_types="InternalIP",
        # It takes the port from the Node's status; its own default is 10250.
        kubelet_use_node_status_port="true",
        kubelet_request_timeout="5s",
        metric_resolution="10s",
    )
    return Spec(NAME, (str(program), *options), health=Health(f"https://{NODE_ADDRESS}:{METRICS_PORT}/livez"))


def objects(pki: Pki) -> dict[str, dict[str, Any]]:
    """Return what makes it part of the API, by the path of the collection that each object belongs to."""
    port = {"name": "https", "port": 443, "targetPort": METRICS_PORT, "protocol": "TCP"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"ports": [port]},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": NAME}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": METRICS_PORT, "protocol": "TCP"}],
    }
    group = {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            **group,
            "service": {"name": NAME, "namespace": NAMESPACE, "port": 443},
            "caBundle": base64.b64encode(pki.ca.certificate.read_bytes()).decode(),
        },
    }
    return {
        f"/api/v1/namespaces/{NAMESPACE}/services": service,
        f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices": endpoints,
        "/apis/apiregistration.k8s.io/v1/apiservices": api,
    }
