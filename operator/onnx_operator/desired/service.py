"""The Services: one a revision, and the entry that clients use."""

from typing import Any

from onnx_operator import names
from onnx_operator.desired.metadata import metadata
from onnx_operator.observed import Observed


def revision_service(observed: Observed, revision: str) -> dict[str, Any]:
    """Return the Service of one revision, for tests and previews of it."""
    return _service(observed, revision, metadata(observed, revision, revision))


def entry_service(observed: Observed, serving: str) -> dict[str, Any]:
    """Return the Service that clients use; its selector is switched when another revision is promoted."""
    return _service(observed, serving, metadata(observed, observed.name))


def _service(observed: Observed, revision: str, meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "selector": names.revision_selector(observed.name, revision),
            # By name: pods of a revision that was frozen without a port are endpoints of the other one all the same.
            "ports": [
                _port("http", names.HTTP_PORT, "http"),
                _port("grpc", names.GRPC_PORT, "kubernetes.io/h2c"),
            ],
        },
    }


def _port(name: str, number: int, speaks: str) -> dict[str, Any]:
    return {"name": name, "port": number, "targetPort": name, "protocol": "TCP", "appProtocol": speaks}
