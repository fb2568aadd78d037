"""What the operator asks of the API server, whoever answers: by HTTP, behind the gate of the Lease, or in a test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from onnx_operator.kube.kinds import Kind

Object = dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """A LIST's answer, or a page of it: the objects, and the resource version at which they were all true."""

    items: tuple[Object, ...]
    version: int


class Kube(Protocol):
    """What the operator asks of the API server. All calls raise KubeError; missing objects are None."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Read one object; None if there is none."""

    def pages(self, kind: Kind, namespace: str | None, selector: str = "") -> AsyncIterator[Listed]:
        """Read all objects of a kind that match a label selector, in one namespace or in all, page by page.

        All pages are of one resource version. There is at least one.
        """

    def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: int
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield what happens to a kind's objects after a version, as (ADDED, MODIFIED, DELETED or BOOKMARK, object).

        First comes a BOOKMARK of that version, when the API server has answered. It ends when the API server ends it,
        which it does every few minutes.
        """

    async def apply(self, manifest: Object, force: bool = False) -> Object:
        """Server-side apply: make the object have exactly these fields of ours, and return what is there now.

        Raises:
            OwnershipError: somebody else owns a field that would change, and ``force`` is False.
        """

    async def apply_new(self, manifest: Object) -> Object:
        """Server-side apply of an object that is not there yet; ConflictError if one of its name is."""

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


async def list_all(kube: Kube, kind: Kind, namespace: str | None, selector: str = "") -> Listed:
    """Read all pages of a list that is known to be short."""
    items: list[Object] = []
    version = 0
    async for page in kube.pages(kind, namespace, selector):
        items += page.items
        version = page.version
    return Listed(tuple(items), version)
