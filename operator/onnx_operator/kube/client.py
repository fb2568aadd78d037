"""Calls to the API server as plain dicts: paths, verbs and typed errors over a Connection."""

import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import aiohttp
import orjson

from onnx_operator import names
from onnx_operator.kube.body import encoded
from onnx_operator.kube.connection import Answer, Connection, StatusError, login
from onnx_operator.kube.errors import ConflictError, KubeError, NoAnswerError, RefusedError, TransientError, error_of
from onnx_operator.kube.kinds import Kind, kind_of
from onnx_operator.kube.protocol import Listed

Object = dict[str, Any]
Count = Callable[[str, str, int], None]

# Objects of a list that are in memory at a time, as they come.
PAGE = 150
# Seconds after which the API server ends a watch, and for which it may say nothing: bookmarks come every minute.
WATCH = (240, 360)
SILENCE = 150.0
# No object has this resource version: an apply that names it makes an object, and changes none.
OF_NO_OBJECT = "1"


class ApiServer:
    """Kube over HTTP."""

    def __init__(self, connection: Connection, count: Count | None = None) -> None:
        self._connection = connection
        self._count = count or (lambda *_: None)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See Kube."""
        return await self._call("GET", kind.path(namespace, name))

    async def pages(self, kind: Kind, namespace: str | None, selector: str = "") -> AsyncIterator[Listed]:
        """See Kube."""
        query: list[tuple[str, str]] = [("limit", str(PAGE))]
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
            items = ({**item, "apiVersion": kind.api_version, "kind": kind.kind} for item in page["items"] or ())
            yield Listed(tuple(items), int(page["metadata"].get("resourceVersion") or 0))
            token = page["metadata"].get("continue") or ""
            if not token:
                return

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: int
    ) -> AsyncIterator[tuple[str, Object]]:
        """See Kube. The lengths differ, so that not all watches end at once."""
        path = kind.path(namespace)
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", str(version))]
        query += [("timeoutSeconds", str(random.randint(*WATCH)))]  # noqa: S311  (no secret)
        query += [("labelSelector", selector)] if selector else []
        try:
            async for line in self._connection.lines(path, query, SILENCE):
                if not line:
                    yield "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}
                    continue
                event = _parsed(line, "WATCH", path)
                if event["type"] == "ERROR":
                    raise error_of(int(event["object"].get("code") or 0), event["object"])
                yield event["type"], {**event["object"], "apiVersion": kind.api_version, "kind": kind.kind}
        except StatusError as error:
            raise _error(error.answer, path) from error
        except (KeyError, TypeError, ValueError) as error:
            raise TransientError(0, f"WATCH {path}: not an event: {error!r}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(0, f"WATCH {path}: {error or type(error).__name__}") from error

    async def apply(self, manifest: Object, force: bool = False) -> Object:
        """See Kube."""
        return await self._apply(manifest, None, force)

    async def apply_new(self, manifest: Object) -> Object:
        """See Kube.

        One request says both "make it" and "only if it is not there": an apply with a resource version that no object
        has makes a missing object, and is a conflict for one that is there.
        """
        metadata = {**manifest["metadata"], "resourceVersion": OF_NO_OBJECT}
        return await self._apply({**manifest, "metadata": metadata}, None, force=False)

    async def apply_status(self, manifest: Object) -> Object:
        """See Kube."""
        return await self._apply(manifest, "status", force=True)

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

    async def _apply(self, manifest: Object, subresource: str | None, force: bool) -> Object:
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata["namespace"], metadata["name"], subresource)
        query = [("fieldManager", names.FIELD_MANAGER), ("force", "true" if force else "false")]
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
        sent = None if body is None else encoded(body)
        try:
            answer = await self._connection.request(method, path, query, sent, content_type)
        except TimeoutError as error:
            self._count(method, _resource(path), 0)
            raise NoAnswerError(f"{method} {path}", self._connection.timeout) from error
        except (aiohttp.ClientError, OSError) as error:
            self._count(method, _resource(path), 0)
            raise TransientError(0, f"{method} {path}: {error or type(error).__name__}") from error
        self._count(method, _resource(path), answer.status)
        if 200 <= answer.status < 300:
            return _parsed(answer.body, method, path)
        if answer.status == 404:
            return None
        raise _error(answer, f"{method} {path}")


class ObjectGoneError(TransientError):
    """An apply met 404: its namespace, its owner or the served API went away. Worth another look, later."""

    def __init__(self, path: str) -> None:
        super().__init__(404, f"{path} is not there: the object or its namespace was just deleted")


async def connect(timeout: float = 10.0, count: Count | None = None) -> ApiServer:
    """Return a client for the cluster the process runs in, or else for the current kubeconfig context.

    ``timeout`` is in seconds, for each call. ``count`` is called with method, resource and HTTP status (0: no answer)
    of each request.

    Raises:
        KubeError: there is neither.
    """
    connection = Connection(login, timeout)
    await connection.open()
    return ApiServer(connection, count)


def _resource(path: str) -> str:
    """Return what a path is about: ``services``, ``deployments/scale``."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join([parts[0], *parts[2:]])


def _parsed(data: bytes, method: str, path: str) -> Object:
    try:
        parsed = orjson.loads(data)
    except ValueError as error:
        raise TransientError(0, f"{method} {path}: the answer is not JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise TransientError(0, f"{method} {path}: the answer is not an object")
    return parsed


def _error(answer: Answer, what: str) -> KubeError:
    if answer.status == 404:
        return RefusedError(404, f"{what}: {_said(answer.body).get('message', 'not found')}")
    return error_of(answer.status, _said(answer.body), _retry_after(answer.headers.get("Retry-After")))


def _said(data: bytes) -> Object:
    """Return the Status that the API server answered, or what else it said as one."""
    try:
        status = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace")[:500]}
    return status if isinstance(status, dict) else {"message": str(status)}


def _retry_after(value: str | None) -> float | None:
    return float(value) if value and value.isdigit() else None
