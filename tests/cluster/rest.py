"""A small client of the API server for tests: plain dicts in and out, one kept connection a thread, no cache."""

import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from .errors import ClusterError

Object = dict[str, Any]

JSON: Final = "application/json"
MERGE: Final = "application/merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"


class RestError(ClusterError):
    """The API server refused; `code` is the HTTP status, `status` the Status object it answered."""

    def __init__(self, method: str, path: str, code: int, status: Object) -> None:
        super().__init__(f"{method} {path}: {code} {status.get('message', status)}")
        self.code = code
        self.status = status


class Rest:
    """Calls to one API server; may be shared by threads."""

    def __init__(self, url: str, context: ssl.SSLContext, *, timeout: float = 30.0) -> None:
        host = urlsplit(url)
        self._host, self._port = str(host.hostname), host.port
        self._context, self._timeout = context, timeout
        self._local = threading.local()
        self._connections: set[http.client.HTTPSConnection] = set()

    def call(
        self,
        method: str,
        path: str,
        body: Object | list[Object] | None = None,
        *,
        content_type: str = JSON,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """Return the JSON of a 2xx answer; raise `RestError` for others, and `OSError` when there is none."""
        target = f"{path}?{urlencode(query)}" if query else path
        payload = None if body is None else json.dumps(body)
        headers = {"Accept": JSON, "Content-Type": content_type, "User-Agent": "onnx-operator-tests"}
        try:
            code, data = self._exchange(method, target, payload, headers)
        except (ConnectionError, ssl.SSLError, http.client.HTTPException):
            # A kept connection ends with the server behind it. A test's own call may be sent twice.
            self._local.connection.close()
            try:
                code, data = self._exchange(method, target, payload, headers)
            except http.client.HTTPException as error:
                raise ConnectionError(f"{method} {path}: {error}") from error
        answer: Object = _parsed(data)
        if not 200 <= code < 300:
            raise RestError(method, path, code, answer)
        return answer

    def get(self, path: str, **query: str) -> Object | None:
        """Return the object at a path; None where there is none."""
        try:
            return self.call("GET", path, query=query)
        except RestError as error:
            if error.code == 404:
                return None
            raise

    def list(self, path: str, **query: str) -> list[Object]:
        """Return the items of a collection, with their kind and version, which a list leaves out."""
        answer = self.call("GET", path, query=query)
        head = {"apiVersion": answer["apiVersion"], "kind": str(answer["kind"]).removesuffix("List")}
        return [{**head, **item} for item in answer["items"]]

    def create(self, path: str, manifest: Object) -> Object:
        """Create an object in a collection."""
        return self.call("POST", path, manifest)

    def apply(self, path: str, manifest: Object, *, manager: str = "tests") -> Object:
        """Make the object at a path by server-side apply; fields of others are taken over."""
        query = {"fieldManager": manager, "force": "true"}
        return self.call("PATCH", path, manifest, content_type=APPLY, query=query)

    def patch(self, path: str, change: Object) -> Object:
        """Merge a change into the object at a path."""
        return self.call("PATCH", path, change, content_type=MERGE)

    def delete(self, path: str, **query: str) -> None:
        """Delete the object at a path, if it is there."""
        try:
            self.call("DELETE", path, query=query)
        except RestError as error:
            if error.code != 404:
                raise

    def close(self) -> None:
        """Close all connections; the next call makes one anew."""
        while self._connections:
            self._connections.pop().close()

    def _exchange(self, method: str, target: str, payload: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(
                self._host, self._port, context=self._context, timeout=self._timeout
            )
            self._local.connection = connection
        self._connections.add(connection)
        connection.request(method, target, payload, headers)
        response = connection.getresponse()
        return response.status, response.read()


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace")[:500]}
