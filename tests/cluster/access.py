"""Reads the kubeconfigs that `kubeconfigs.py` and tests write: what an asynchronous client needs of them."""

import base64
import json
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Access:
    """Where an API server is, whom to trust, and the headers that say who asks."""

    url: str
    context: ssl.SSLContext
    headers: dict[str, str] = field(default_factory=dict)


def read(kubeconfig: Path) -> Access:
    """Return what a kubeconfig says; its user has a certificate or a token."""
    return of(json.loads(kubeconfig.read_text()))


def of(config: dict[str, Any]) -> Access:
    """Return what the content of a kubeconfig says."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if "token" in user:
        return Access(str(cluster["server"]), context, {"Authorization": f"Bearer {user['token']}"})
    with tempfile.NamedTemporaryFile() as pair:  # ssl reads a certificate and its key from files only
        pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return Access(str(cluster["server"]), context)
