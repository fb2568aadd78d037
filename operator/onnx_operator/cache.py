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
        # The versions at which objects were deleted: an answer or a list that was on its way meanwhile is older.
        self._deleted: dict[tuple[Kind, Key], int] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return one object; None if there is none."""
        return self._objects[kind].get((namespace, name))

    def of_model(self, kind: Kind, model: Key) -> list[Object]:
        """Return the objects of a kind that carry the model's label, in the order of their names."""
        objects = self._objects[kind]
        return [objects[key] for key in sorted(self._by_model[kind, model])]

    def count(self, kind: Kind) -> int:
        """Return how many objects of a kind are known."""
        return len(self._objects[kind])

    def models(self) -> list[Key]:
        """Return the keys of all models."""
        return list(self._objects[MODEL])

    def put(self, kind: Kind, obj: Object) -> bool:
        """Take a newer version of an object; return False, and change nothing, if it is not newer."""
        key = _key(obj)
        known = self._objects[kind].get(key)
        if (known and version(known) >= version(obj)) or self._deleted.get((kind, key), -1) >= version(obj):
            return False
        self._forget(kind, key)
        self._objects[kind][key] = obj
        if model := model_key(kind, obj):
            self._by_model[kind, model].add(key)
        return True

    def remove(self, kind: Kind, obj: Object) -> bool:
        """Forget a deleted object, given as it was at the end; return False if what is known is newer or nothing."""
        key = _key(obj)
        known = self._objects[kind].get(key)
        if known and version(known) > version(obj):
            return False
        self._deleted[kind, key] = max(version(obj), self._deleted.get((kind, key), -1))
        return self._forget(kind, key)

    def replace(self, kind: Kind, namespace: str | None, listed: Listed, model: Key | None = None) -> None:
        """Make a kind's objects (of one namespace, of all, or of one model) exactly those listed.

        Objects that are gone from the list are ghosts of deletions that no watch has told; those newer than the list
        were made since.
        """
        wanted = {_key(obj) for obj in listed.items}
        for key, known in list(self._objects[kind].items()):
            in_scope = namespace in (None, key[0]) and model in (None, model_key(kind, known))
            if in_scope and key not in wanted and version(known) <= listed.version:
                self._forget(kind, key)
        for obj in listed.items:
            self.put(kind, obj)
        if model is None:
            for (of, key), deleted in list(self._deleted.items()):
                if of == kind and namespace in (None, key[0]) and deleted <= listed.version:
                    del self._deleted[of, key]

    def _forget(self, kind: Kind, key: Key) -> bool:
        known = self._objects[kind].pop(key, None)
        if known is None:
            return False
        if model := model_key(kind, known):
            self._by_model[kind, model].discard(key)
        return True


def model_key(kind: Kind, obj: Object) -> Key | None:
    """Return the model that an object belongs to: itself, or the one that its label names."""
    metadata = obj["metadata"]
    if kind == MODEL:
        return metadata["namespace"], metadata["name"]
    model = metadata.get("labels", {}).get(names.LABEL_MODEL)
    return (metadata["namespace"], model) if model else None


def _key(obj: Object) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def version(obj: Object) -> int:
    """Return an object's resource version: a number that grows, for API servers on etcd."""
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0
