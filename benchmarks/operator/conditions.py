"""What the operator's results belong to: the machine, the versions of what ran on it, and the limits it ran under."""

from importlib.metadata import version
from typing import Any

from benchmarks import machine
from benchmarks.operator.stage import AUTOSCALER_PERIOD, CLIENT_QPS
from tests.cluster import plane, tools


def conditions() -> dict[str, Any]:
    """Return `machine` with the versions, and `limits`."""
    versions = {
        "etcd": machine.first(r"etcd Version: (\S+)", machine.output(str(plane.binary("etcd")), "--version")),
        "kubernetes": tools.version("kubernetes"),
        "kwok": tools.version("kwok"),
        "kopf": version("kopf"),
        "aiohttp": version("aiohttp"),
        "kubernetesClient": version("kubernetes"),
    }
    return {
        "machine": machine.describe() | versions,
        "limits": {"qps": CLIENT_QPS, "autoscalerPeriod": AUTOSCALER_PERIOD},
    }
