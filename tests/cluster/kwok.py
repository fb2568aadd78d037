"""KWOK: plays the node and the pods of a control plane that has no machines. Pure: paths in, spec out."""

import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from .paths import RunDir
from .specs import Health, Spec, flags

NODE: Final = "kwok-1"
STAGES: Final = Path(__file__).parent / "kwok_stages"
PLAY: Final = "test.onnx-operator.dev/play"
"""The pod annotation that says what a pod plays; without it, the pod becomes Ready at once."""

CONTENT: Final = "test.onnx-operator.dev/content"
"""The pod annotation that stands for the bytes fetched; without it, other URIs have other bytes."""

SIGNATURE: Final = "test.onnx-operator.dev/signature"
"""The pod annotation with the signature, as JSON, that its control port answers."""


def kwok(program: Path, run: RunDir, kubeconfig: Path, address: str, port: int, pods: IPv4Network) -> Spec:
    """KWOK itself; pods get the addresses of `pods`, from the second on."""
    config = run.config / "kwok.json"
    content = {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        # No leases and heartbeats: nothing watches over the node's life, and a test can count writes.
        "options": {
            "cidr": str(pods),
            "nodeIP": address,
            "manageAllNodes": True,
            "serverAddress": f"{address}:{port}",
            "podPlayStageParallelism": 16,
            "nodePlayStageParallelism": 1,
            "nodeLeaseParallelism": 1,
            "podsOnNodeSyncParallelism": 1,
        },
    }
    options = flags(kubeconfig=kubeconfig)
    configs = [f"--config={path}" for path in (config, STAGES / "node.yaml", STAGES / "pod.yaml")]
    return Spec(
        "kwok",
        (str(program), *options, *configs),
        files={config: json.dumps(content, indent=1)},
        health=Health(f"http://{address}:{port}/healthz"),
    )


def node() -> dict[str, Any]:
    """Return the node's manifest; KWOK makes it Ready."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}},
    }
