"""Writes kubeconfigs: JSON, which every reader of YAML takes."""

import base64
import json
from pathlib import Path

from .certificates import Pair


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
