"""Calls to the API server as plain dicts, over kubernetes.aio."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from onnx_operator import __version__, names
from onnx_operator.kube.errors import ConflictError, KubeError, RefusedError, TransientError, error_of
from onnx_operator.kube.kinds import Kind, kind_of

Object = dict[str, Any]
Count = Callable[[str, str, int], None]


@dataclass(frozen=True)
class Listed:
    """A LIST's answer: the objects, and the resource version at which they were all true."""

    items: tuple[Object, ...]
    version: int


class Kube(Protocol):
    """What the operator asks of the API server. All calls raise KubeError; missing objects are None."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Read one object; None if there is none."""

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> Listed:
        """Read all objects of a kind that match a label selector, in one namespace or in all."""

    async def apply(self, manifest: Object) -> Object:
        """Server-side apply: make the object have exactly these fields of ours, and return what is there now."""

    async def apply_status(self, manifest: Object) -> Object:
        """Server-side apply of the status alone."""

    async def scale(self, kind: Kind, namespace: str, name: str, replicas: int) -> Object | None:
        """Set the replicas through ``/scale``; return the Scale, None if the object is gone."""

    async def create(self, manifest: Object) -> Object:
        """Create an object; ConflictError if one of its name is there."""

    async def replace(self, manifest: Object) -> Object:
        """Replace an object of the same resource version; ConflictError if it has changed or is gone."""

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete the object that has this UID; nothing if it is gone, ConflictError if another took its name."""


class ApiServer:
    """Kube over HTTP. ``timeout`` is in seconds, for each call."""

    def __init__(self, configuration: Configuration, timeout: float = 10.0, count: Count | None = None) -> None:
        self._client = ApiClient(configuration=configuration)
        self._client.user_agent = f"onnx-operator/{__version__}"
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._count = count or (lambda *_: None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See Kube."""
        return await self._call("GET", kind.path(namespace, name))

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> Listed:
        """See Kube. Read in pages, so that a large cluster costs neither side a large answer."""
        items: list[Object] = []
        query: list[tuple[str, str]] = [("limit", "500")]
        if selector:
            query.append(("labelSelector", selector))
        token = ""
        while True:
            page = await self._call("GET", kind.path(namespace), [*query, *([("continue", token)] if token else [])])
            if page is None:
                raise RefusedError(
                    404, f"the API server does not know {kind.plural}.{kind.group}: is the CRD installed?"
                )
            # A list's items carry neither, and everything downstream asks for them.
            items += [{**item, "apiVersion": kind.api_version, "kind": kind.kind} for item in page["items"]]
            token = page["metadata"].get("continue") or ""
            if not token:
                return Listed(tuple(items), int(page["metadata"].get("resourceVersion") or 0))

    async def apply(self, manifest: Object) -> Object:
        """See Kube. Conflicting fields are taken over: an object of ours is what its model asks for."""
        return await self._apply(manifest, None)

    async def apply_status(self, manifest: Object) -> Object:
        """See Kube."""
        return await self._apply(manifest, "status")

    async def scale(self, kind: Kind, namespace: str, name: str, replicas: int) -> Object | None:
        """See Kube."""
        return await self._call(
            "PATCH",
            kind.path(namespace, name, "scale"),
            [("fieldManager", names.FIELD_MANAGER)],
            {"spec": {"replicas": replicas}},
            "application/merge-patch+json",
        )

    async def create(self, manifest: Object) -> Object:
        """See Kube."""
        path = kind_of(manifest).path(manifest["metadata"]["namespace"])
        created = await self._call("POST", path, [("fieldManager", names.FIELD_MANAGER)], manifest)
        if created is None:
            raise RefusedError(404, f"{path} is not there: the namespace is gone or the API is not served")
        return created

    async def replace(self, manifest: Object) -> Object:
        """See Kube."""
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata["namespace"], metadata["name"])
        replaced = await self._call("PUT", path, [("fieldManager", names.FIELD_MANAGER)], manifest)
        if replaced is None:
            raise ConflictError(404, f"{path} is gone")
        return replaced

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """See Kube."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        await self._call("DELETE", kind.path(namespace, name), [], body)

    async def _apply(self, manifest: Object, subresource: str | None) -> Object:
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata["namespace"], metadata["name"], subresource)
        query = [("fieldManager", names.FIELD_MANAGER), ("force", "true")]
        applied = await self._call("PATCH", path, query, manifest, "application/apply-patch+yaml")
        if applied is None:
            raise ObjectGoneError(path)
        return applied

    async def _call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object | None:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            verb, url, headers, payload, _ = await self._client.param_serialize(
                method, path, query_params=[*query], header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = await self._client.call_api(verb, url, headers, payload, _request_timeout=self._timeout)
            data = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._count(method, _resource(path), 0)
            raise TransientError(0, f"{method} {path}: {error or type(error).__name__}") from error
        self._count(method, _resource(path), response.status)
        if 200 <= response.status < 300:
            return _parsed(data, method, path)
        if response.status == 404:
            return None
        raise error_of(response.status, _message(data), _retry_after(response.headers))


class ObjectGoneError(TransientError):
    """An apply met 404: its namespace, its owner or the served API went away. Worth another look, later."""

    def __init__(self, path: str) -> None:
        super().__init__(404, f"{path} is not there: the object or its namespace was just deleted")


async def connect(timeout: float = 10.0, count: Count | None = None) -> ApiServer:
    """Return a client for the cluster the process runs in, or else for the current kubeconfig context.

    ``count`` is called with method, resource and HTTP status (0: no answer) of each request.

    Raises:
        KubeError: there is neither.
    """
    configuration = Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise KubeError(0, f"no cluster: not in a pod, and no kubeconfig ({error})") from error
    configuration.connection_pool_maxsize = 100
    return ApiServer(configuration, timeout, count)


def _resource(path: str) -> str:
    """Return what a path is about: ``services``, ``deployments/scale``."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join([parts[0], *parts[2:]])


def _parsed(data: bytes, method: str, path: str) -> Object:
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise TransientError(0, f"{method} {path}: the answer is not JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise TransientError(0, f"{method} {path}: the answer is not an object")
    return parsed


def _message(data: bytes) -> str:
    try:
        status = json.loads(data)
    except ValueError:
        return data.decode(errors="replace")[:500]
    return str(status.get("message", status)) if isinstance(status, dict) else str(status)


def _retry_after(headers: Any) -> float | None:
    value = headers.get("Retry-After") if headers else None
    return float(value) if value and value.isdigit() else None
