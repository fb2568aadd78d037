"""Writes kubeconfigs: JSON, which every reader of YAML takes."""

import base64
import json
from pathlib import Path

from .certificates import Pair, Pki
from .paths import RunDir


def write_all(run: RunDir, server: str, pki: Pki) -> dict[str, Path]:
    """Write one for each client, the administrator's where users look for it; return their places."""
    made = {}
    for name, client in pki.clients.items():
        path = run.kubeconfig if name == "admin" else run.config / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(content(server, pki.ca.certificate, client))
        made[name] = path
    return made


def content(server: str, ca: Path, client: Pair, *, context: str = "onnx-operator-cluster") -> str:
    """Return a kubeconfig with the credentials inside, so that it can be copied away and used alone."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": _inline(ca)}}],
            "users": [
                {
                    "name": context,
                    "user": {
                        "client-certificate-data": _inline(client.certificate),
                        "client-key-data": _inline(client.key),
                    },
                }
            ],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
            "current-context": context,
        },
        indent=1,
    )


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
