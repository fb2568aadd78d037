"""Asks the cluster's API server what `up` and `status` need to know; everybody else uses a real client."""

from typing import Any

from . import health
from .addresses import API_URL, NODE_NAME
from .certificates import Pair
from .paths import RunDir
from .specs import Health


def get(run: RunDir, path: str) -> Any:
    """Return the JSON at an API path, asked as the administrator; None when it is not there or nobody answers."""
    admin = Pair(run.pki / "admin.crt", run.pki / "admin.key")
    return health.fetch_json(Health(API_URL + path, run.pki / "ca.crt", admin))


def node_ready(run: RunDir) -> bool:
    """Whether the node's Ready condition is True."""
    node = get(run, f"/api/v1/nodes/{NODE_NAME}") or {}
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def accounts_ready(run: RunDir) -> bool:
    """Whether pods can be made in the default namespace, which wants its ServiceAccount."""
    return get(run, "/api/v1/namespaces/default/serviceaccounts/default") is not None
