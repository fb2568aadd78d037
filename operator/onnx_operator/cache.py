"""The operator's own copy of the objects it watches.

kopf's indexes are not used: they keep objects that were deleted while a watch was down, and cost O(N²) at start.
"""

from collections import defaultdict
from typing import Any

from onnx_operator import names
from onnx_operator.kube.client import Listed
from onnx_operator.kube.kinds import MODEL, Kind

Object = dict[str, Any]
Key = tuple[str, str]  # namespace and name of an ONNXModel


class Cache:
    """Newest known objects by kind, namespace and name, and by the model they belong to. Not for several threads."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[Key, Object]] = defaultdict(dict)
        self._by_model: dict[tuple[Kind, Key], set[Key]] = defaultdict(set)

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return one object; None if there is none."""
        return self._objects[kind].get((namespace, name))

    def of_model(self, kind: Kind, model: Key) -> list[Object]:
        """Return the objects of a kind that carry the model's label, in the order of their names."""
        objects = self._objects[kind]
        return [objects[key] for key in sorted(self._by_model[kind, model])]

    def models(self) -> list[Key]:
        """Return the keys of all models."""
        return list(self._objects[MODEL])

    def put(self, kind: Kind, obj: Object) -> bool:
        """Take a newer version of an object; return False, and change nothing, if it is not newer."""
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        known = self._objects[kind].get(key)
        if known:
            if _same(known, obj) and version(known) >= version(obj):
                return False
            self.remove(kind, known)
        self._objects[kind][key] = obj
        if model := model_key(kind, obj):
            self._by_model[kind, model].add(key)
        return True

    def remove(self, kind: Kind, obj: Object) -> bool:
        """Forget an object; return False, and change nothing, if another one of that name is there by now."""
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        known = self._objects[kind].get(key)
        if known is None or not _same(known, obj):
            return False
        del self._objects[kind][key]
        if model := model_key(kind, known):
            self._by_model[kind, model].discard(key)
        return True

    def replace(self, kind: Kind, namespace: str | None, listed: Listed) -> set[Key]:
        """Make a kind's objects (of one namespace, or of all) exactly those listed; return the models concerned.

        Objects that are gone from the list are ghosts of deletions that no watch has told; those newer than the list
        were made since.
        """
        concerned: set[Key] = set()
        wanted = {(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in listed.items}
        for key, known in list(self._objects[kind].items()):
            if key in wanted or namespace not in (None, key[0]) or version(known) > listed.version:
                continue
            if self.remove(kind, known) and (model := model_key(kind, known)):
                concerned.add(model)
        for obj in listed.items:
            if self.put(kind, obj) and (model := model_key(kind, obj)):
                concerned.add(model)
        return concerned


def model_key(kind: Kind, obj: Object) -> Key | None:
    """Return the model that an object belongs to: itself, or the one that its label names."""
    metadata = obj["metadata"]
    if kind == MODEL:
        return metadata["namespace"], metadata["name"]
    model = metadata.get("labels", {}).get(names.LABEL_MODEL)
    return (metadata["namespace"], model) if model else None


def _same(one: Object, other: Object) -> bool:
    return bool(one["metadata"].get("uid") == other["metadata"].get("uid"))


def version(obj: Object) -> int:
    """Return an object's resource version: a number that grows, for API servers on etcd."""
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0
