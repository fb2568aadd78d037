"""The kinds the operator reads and writes, and their paths in the API."""

from dataclasses import dataclass
from typing import Any

from onnx_operator import names


@dataclass(frozen=True)
class Kind:
    """A namespaced kind: ``api_version`` as in manifests, ``plural`` as in paths."""

    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version within the group."""
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the URL path of an object, or of the collection in one namespace or in all."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        parts = [root]
        if namespace is not None:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part is not None]
        return "/".join(parts)


MODEL = Kind(names.API_VERSION, names.KIND, names.PLURAL)
CONTROLLER_REVISION = Kind("apps/v1", "ControllerRevision", "controllerrevisions")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
SERVICE = Kind("v1", "Service", "services")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
POD = Kind("v1", "Pod", "pods")
SECRET = Kind("v1", "Secret", "secrets")
EVENT = Kind("v1", "Event", "events")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")

# What the operator makes of a model.
OWNED = (CONTROLLER_REVISION, CONFIG_MAP, SERVICE, DEPLOYMENT, AUTOSCALER, DISRUPTION_BUDGET)
# What it watches: the models, what it owns, and the pods that come of it. A revision is listed before its Deployment.
WATCHED = (MODEL, *OWNED, POD)

BY_NAME = {(kind.api_version, kind.kind): kind for kind in (*WATCHED, SECRET, EVENT, LEASE)}


def kind_of(obj: dict[str, Any]) -> Kind:
    """Return the kind of a manifest; KeyError if the operator has no business with it."""
    return BY_NAME[obj["apiVersion"], obj["kind"]]
