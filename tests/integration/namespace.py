"""A namespace as tests use it: objects by kind and name, and waiting that tells what it saw last."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.cluster.rest import Object, Rest, RestError

MODEL = "ONNXModel"

COLLECTIONS = {
    MODEL: "apis/onnx-operator.dev/v1alpha1/namespaces/{}/onnxmodels",
    "ConfigMap": "api/v1/namespaces/{}/configmaps",
    "ControllerRevision": "apis/apps/v1/namespaces/{}/controllerrevisions",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "Event": "api/v1/namespaces/{}/events",
    "HorizontalPodAutoscaler": "apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "LimitRange": "api/v1/namespaces/{}/limitranges",
    "PersistentVolumeClaim": "api/v1/namespaces/{}/persistentvolumeclaims",
    "Pod": "api/v1/namespaces/{}/pods",
    "PodDisruptionBudget": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "ReplicaSet": "apis/apps/v1/namespaces/{}/replicasets",
    "ResourceQuota": "api/v1/namespaces/{}/resourcequotas",
    "Secret": "api/v1/namespaces/{}/secrets",
    "Service": "api/v1/namespaces/{}/services",
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
}
"""The kinds that tests speak of, and where their objects are."""

PATIENCE = 60.0
"""Seconds after which a wait gives up; a wait ends as soon as it can."""


@dataclass(frozen=True)
class Namespace:
    """One namespace of one API server."""

    rest: Rest
    name: str

    def path(self, kind: str, name: str = "", subresource: str = "") -> str:
        """Return the path of a kind's collection, of an object, or of a subresource."""
        parts = [COLLECTIONS[kind].format(self.name), name, subresource]
        return "/" + "/".join(part for part in parts if part)

    def apply(self, manifest: Object) -> Object:
        """Apply a manifest as a user's tool does (field manager `tests`)."""
        return self.rest.apply(self.path(manifest["kind"], manifest["metadata"]["name"]), manifest)

    def model(self, name: str, **spec: Any) -> Object:
        """Apply an ONNXModel of this spec."""
        head = {"apiVersion": "onnx-operator.dev/v1alpha1", "kind": MODEL, "metadata": {"name": name}}
        return self.apply({**head, "spec": spec})

    def wait_refused(self, manifest: Object, patience: float = PATIENCE) -> None:
        """Wait until the API server would refuse an object: whatever refuses it is in force from a moment on."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                self.rest.call("POST", self.path(manifest["kind"]), manifest, query={"dryRun": "All"})
            except RestError:
                return
            time.sleep(0.05)
        raise AssertionError(f"nothing refuses {manifest['kind']} {manifest['metadata']['name']}")

    def create_model(self, name: str, spec: Object) -> Object:
        """Create an ONNXModel of this spec as `kubectl create` does, which has unknown fields refused."""
        head = {"apiVersion": "onnx-operator.dev/v1alpha1", "kind": MODEL, "metadata": {"name": name}}
        return self.rest.call("POST", self.path(MODEL), {**head, "spec": spec}, query={"fieldValidation": "Strict"})

    def replace_spec(self, name: str, spec: Object) -> Object:
        """Replace the whole spec of an ONNXModel, whatever it was."""
        change: list[Object] = [{"op": "replace", "path": "/spec", "value": spec}]
        return self.rest.call("PATCH", self.path(MODEL, name), change, content_type="application/json-patch+json")

    def get(self, kind: str, name: str) -> Object | None:
        """Read one object; None if it is not there."""
        return self.rest.get(self.path(kind, name))

    def list(self, kind: str, selector: str = "") -> list[Object]:
        """Read the objects of a kind."""
        return self.rest.list(self.path(kind), labelSelector=selector)

    def patch(self, kind: str, name: str, change: Object) -> Object:
        """Merge a change into an object."""
        return self.rest.patch(self.path(kind, name), change)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, if it is there."""
        self.rest.delete(self.path(kind, name))

    def wait(self, kind: str, name: str, until: Callable[[Object], Any], patience: float = PATIENCE) -> Object:
        """Read an object until something holds of it; return it. Fails with the status seen last."""
        deadline = time.monotonic() + patience
        seen: Object | None = None
        while time.monotonic() < deadline:
            seen = self.get(kind, name)
            if seen is not None and until(seen):
                return seen
            time.sleep(0.05)
        status = json.dumps((seen or {}).get("status"), indent=1)
        raise AssertionError(f"{kind} {name} did not come to that in {patience:.0f} s; its status: {status}")
