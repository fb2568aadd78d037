"""A small world in memory, behind the protocol that the operator speaks to the API server, with a kubelet to play.

It knows of server-side apply only what the tests need: fields of a manifest replace the object's, annotations that
were applied and no longer are go, everything else stays. What the real one does is tested against a real one, in
tests/e2e.
"""

import copy
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from onnx_operator import names
from onnx_operator.kube.errors import ConflictError, KubeError, RefusedError
from onnx_operator.kube.kinds import DEPLOYMENT, EVENT, MODEL, POD, Kind, kind_of
from onnx_operator.kube.protocol import Listed
from tests.cluster.split_stand_in import Split
from tests.unit.operator.situations import fetched

Object = dict[str, Any]
Place = tuple[Kind, str, str]

LATER = "2026-11-01T12:00:01Z"


class Killed(BaseException):
    """The process ended here."""


class Memory:
    """The objects. ``before_write`` is called with verb, kind and name before each write, and may raise."""

    def __init__(self) -> None:
        self.objects: dict[Place, Object] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.before_write: Callable[[str, str, str], None] = lambda verb, kind, name: None
        self.after_write: Callable[[], None] = lambda: None
        self.version = 0
        self.seconds = 0
        # What runs in the pods, by pod UID.
        self.servers: dict[str, Split] = {}

    # what the operator calls

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        found: Object | None = _copy(self.objects.get((kind, namespace, name)))
        return found

    async def pages(self, kind: Kind, namespace: str | None, selector: str = "") -> AsyncIterator[Listed]:
        yield self.listed(kind)

    def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: int
    ) -> AsyncIterator[tuple[str, Object]]:
        raise AssertionError("tests say what the operator hears")

    async def apply_new(self, manifest: Object) -> Object:
        kind, metadata = kind_of(manifest), manifest["metadata"]
        if (kind, metadata["namespace"], metadata["name"]) in self.objects:
            raise ConflictError(409, "the object has been modified")
        return await self.apply(manifest)

    async def apply(self, manifest: Object, force: bool = False) -> Object:
        kind, metadata = kind_of(manifest), manifest["metadata"]
        place = (kind, metadata["namespace"], metadata["name"])
        self._write("apply", kind, metadata["name"])
        before = self.objects.get(place)
        made = _over(_without_dropped(before or {}, manifest), manifest)
        made["metadata"]["managedFields"] = [_managed(manifest)]
        if before is None:
            made["metadata"] |= {"uid": f"uid-{self.version}-{kind.plural}", "creationTimestamp": LATER}
            if kind == DEPLOYMENT:
                made["spec"]["replicas"] = 1
        return self._store(place, made)

    async def apply_status(self, manifest: Object) -> Object:
        metadata = manifest["metadata"]
        place = (MODEL, metadata["namespace"], metadata["name"])
        self._write("status", MODEL, metadata["name"])
        model = self.objects[place]
        if model["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            raise ConflictError(409, "the object has been modified")
        return self._store(place, {**model, "status": _copy(manifest["status"])})

    async def scale(self, kind: Kind, namespace: str, name: str, replicas: int) -> Object | None:
        self._write("scale", kind, name)
        place = (kind, namespace, name)
        if place not in self.objects:
            return None
        made = _copy(self.objects[place])
        made["spec"]["replicas"] = replicas
        return self._store(place, made)

    async def create(self, manifest: Object) -> Object:
        if kind_of(manifest) != EVENT:
            raise AssertionError("only events are created")
        self._write("create", EVENT, manifest["reason"])
        return manifest

    async def replace(self, manifest: Object) -> Object:
        raise AssertionError("only the Lease is replaced")

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        self._write("delete", kind, name)
        place = (kind, namespace, name)
        if place in self.objects and self.objects[place]["metadata"]["uid"] == uid:
            self.remove(place)

    # what others do

    def listed(self, kind: Kind) -> Listed:
        """Return all objects of a kind, as a LIST does."""
        return Listed(tuple(_copy(o) for (of, _, _), o in self.objects.items() if of == kind), self.version)

    def copied(self) -> "Memory":
        """Return a world like this one, that goes its own way."""
        other = Memory()
        other.objects = {place: _copy(obj) for place, obj in self.objects.items()}
        other.version, other.seconds, other.servers = self.version, self.seconds, copy.deepcopy(self.servers)
        return other

    def put(self, obj: Object) -> Object:
        metadata = obj["metadata"]
        return self._store((kind_of(obj), metadata["namespace"], metadata["name"]), _copy(obj))

    def remove(self, place: Place) -> None:
        self.version += 1
        del self.objects[place]
        self._controllers()

    def of(self, kind: Kind) -> dict[str, Object]:
        return {name: obj for (of, _, name), obj in self.objects.items() if of == kind}

    def server(self, pod_uid: str) -> Split:
        """Return the split of what runs in a pod."""
        return self.servers.setdefault(pod_uid, Split(pod_uid, f"boot-{pod_uid}"))

    def pods_of(self, revision: str) -> dict[str, Object]:
        return {n: p for n, p in self.of(POD).items() if p["metadata"]["labels"][names.LABEL_REVISION] == revision}

    def kubelet(self, pod: str) -> None:
        """Bring a pod one step on: its model is fetched, then it is ready; one of a bad model fails to fetch."""
        place = next(place for place in self.objects if place[0] == POD and place[2] == pod)
        made = _copy(self.objects[place])
        uri = made["spec"]["initContainers"][0]["args"][1]
        status = made["status"]
        if "bad" in uri:
            failure = {"result": "Failed", "reason": "ModelNotFound", "message": f"nothing is at {uri}"}
            status["initContainerStatuses"] = [_ended(1, failure)]
        elif "initContainerStatuses" not in status:
            status["initContainerStatuses"] = [fetched(uri[-2:])]
        else:
            status["conditions"] = [{"type": "Ready", "status": "True"}]
            status["containerStatuses"] = [{"name": "server", "ready": True, "state": {"running": {}}}]
        self._store(place, made)

    def _write(self, verb: str, kind: Kind, name: str) -> None:
        self.before_write(verb, kind.kind, name)
        self.writes.append((verb, kind.kind, name))

    def _store(self, place: Place, obj: Object) -> Object:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.objects[place] = obj
        if place[0] == DEPLOYMENT:
            self._controllers()
        self.after_write()
        stored: Object = _copy(obj)
        return stored

    def _controllers(self) -> None:
        """Make the pods as many as their Deployments say, at once; garbage goes with its owner."""
        deployments = self.of(DEPLOYMENT)
        for (kind, namespace, name), obj in list(self.objects.items()):
            if kind == POD and obj["metadata"]["labels"][names.LABEL_REVISION] not in deployments:
                del self.objects[kind, namespace, name]
        for name, deployment in deployments.items():
            pods = sorted(self.pods_of(name), key=lambda pod: "Ready" in str(self.pods_of(name)[pod]["status"]))
            for _ in range(deployment["spec"]["replicas"] - len(pods)):
                self._store_pod(deployment)
            for pod in pods[: max(0, len(pods) - deployment["spec"]["replicas"])]:
                del self.objects[POD, deployment["metadata"]["namespace"], pod]

    def _store_pod(self, deployment: Object) -> None:
        self.version += 1
        number = self.version
        template = _copy(deployment["spec"]["template"])
        name = f"{deployment['metadata']['name']}-{number}"
        namespace = deployment["metadata"]["namespace"]
        metadata = {
            **template["metadata"],
            "name": name,
            "namespace": namespace,
            "uid": f"pod-{number}",
            "creationTimestamp": f"2026-11-01T12:{number // 60 % 60:02}:{number % 60:02}Z",
            "resourceVersion": str(number),
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        self.objects[POD, namespace, name] = {**pod, "status": {"phase": "Running", "podIP": "10.0.0.1"}}


def refuse(*what: str) -> Callable[[str, str, str], None]:
    """Return a ``before_write`` that refuses writes of these kinds and names, as ``Kind/name``."""

    def check(verb: str, kind: str, name: str) -> None:
        if f"{kind}/{name}" in what:
            raise RefusedError(403, f'{kind} "{name}" is forbidden: exceeded quota')

    return check


def fail(error: KubeError, kind: str) -> Callable[[str, str, str], None]:
    """Return a ``before_write`` that fails at a kind."""

    def check(verb: str, of: str, name: str) -> None:
        if of == kind:
            raise error

    return check


def _ended(code: int, said: Object) -> Object:
    state = {"terminated": {"exitCode": code, "message": json.dumps(said)}}
    return {"name": "fetch", "ready": False, "restartCount": 0, "state": state}


def _copy(obj: Any) -> Any:
    return json.loads(json.dumps(obj))


def _managed(manifest: Object) -> Object:
    annotations: Object = {f"f:{key}": {} for key in manifest["metadata"].get("annotations", {})}
    fields = {"f:metadata": {"f:annotations": annotations}} if annotations else {}
    return {"manager": names.FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}


def _without_dropped(before: Object, manifest: Object) -> Object:
    """Return an object without the annotations that were applied and are not in the manifest any more."""
    if not before:
        return before
    owned = before["metadata"].get("managedFields", [{"fieldsV1": {}}])[0]["fieldsV1"].get("f:metadata", {})
    wanted = manifest["metadata"].get("annotations", {})
    dropped = {key[2:] for key in owned.get("f:annotations", {})} - wanted.keys()
    annotations = before["metadata"].get("annotations", {})
    kept = {key: value for key, value in annotations.items() if key not in dropped}
    return {**before, "metadata": {**before["metadata"], "annotations": kept}}


def _over(before: Any, wanted: Any) -> Any:
    if isinstance(before, dict) and isinstance(wanted, dict):
        return {**_copy(before), **{key: _over(before.get(key), value) for key, value in wanted.items()}}
    return _copy(wanted)
