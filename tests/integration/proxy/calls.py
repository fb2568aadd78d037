"""What a request to the API server is about, read off its method, path and query. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

WRITES: Final = {"POST", "PUT", "PATCH", "DELETE"}
PAGING: Final = {
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "timeoutSeconds",
    "allowWatchBookmarks",
}


@dataclass(frozen=True)
class Call:
    """One request.

    `resource` is the plural, `pods`, with the subresource behind a slash, `onnxmodels/status`; empty for what is not
    about objects (`/apis`). `namespace` and `name` are None where the path has none. `query` is as it was sent.
    """

    method: str
    path: str
    query: str = ""
    resource: str = ""
    namespace: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, method: str, path: str, query: str = "") -> "Call":
        """Return the call that a request makes."""
        parts = path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:] if parts[0] == "apis" else []
        namespace = None
        if parts[:1] == ["namespaces"] and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        resource = "/".join([parts[0], *parts[2:]]) if parts else ""
        return cls(method, path, query, resource, namespace, parts[1] if len(parts) > 1 else None)

    @property
    def write(self) -> bool:
        """Whether it asks for a change."""
        return self.method in WRITES

    @property
    def parameters(self) -> Mapping[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query))

    @property
    def watch(self) -> bool:
        """Whether its answer is a stream of events."""
        return self.method == "GET" and self.parameters.get("watch") in ("true", "1")

    @property
    def listing(self) -> bool:
        """Whether its answer is a list of objects."""
        return self.method == "GET" and bool(self.resource) and self.name is None and not self.watch

    @property
    def selection(self) -> str:
        """What a LIST selects, whatever page, size and version it asks for: two of the same selection are alike."""
        kept = {name: value for name, value in self.parameters.items() if name not in PAGING}
        return f"{self.path}?{urlencode(sorted(kept.items()))}"

    def __str__(self) -> str:
        return f"{self.method} {self.path}{' (watch)' if self.watch else ''}"
