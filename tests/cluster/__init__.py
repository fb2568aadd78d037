"""The local cluster: a real Kubernetes control plane and node on this machine, for tests and the demo.

    from tests.cluster import images, tools, up

    cluster = up()                          # Cluster: .kubeconfig, .node_address, .load(), .status(), .audit_log
    for built in images.build_all():        # Built: .reference, .archive, .size
        cluster.load(built.reference)
    kubectl = tools.binary("kubectl")       # helm, versitygw, ... likewise

The same on the command line: `python -m tests.cluster --help`. `README.md` beside this file says how it works.
"""

from .addresses import NODE_ADDRESS
from .cluster import Cluster, Status, current, down, up
from .errors import ClusterError, NotRunningError
from .node import SANDBOX_IMAGE

__all__ = [
    "NODE_ADDRESS",
    "SANDBOX_IMAGE",
    "Cluster",
    "ClusterError",
    "NotRunningError",
    "Status",
    "current",
    "down",
    "up",
]
