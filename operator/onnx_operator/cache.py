"""The operator's own copy of the objects it watches.

kopf's indexes are not used: they keep objects that were deleted while a watch was down, and cost O(N²) at start.
Objects are kept as compressed JSON, a tenth of what they weigh as dicts, and parsed at each look, so that nobody can
change them.
"""

import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import orjson

from onnx_operator import names
from onnx_operator.kube.essential import essential
from onnx_operator.kube.kinds import MODEL, Kind
from onnx_operator.kube.protocol import Listed

Object = dict[str, Any]
Key = tuple[str, str]  # namespace and name of an ONNXModel


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    model: Key | None
    packed: bytes  # JSON without the resource version; equal objects are packed alike


class Cache:
    """Newest known objects by kind, namespace and name, and by the model they belong to. Not for several threads."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[Key, _Kept]] = defaultdict(dict)
        self._by_model: dict[tuple[Kind, Key], set[Key]] = {}
        # The versions at which objects were deleted: an answer or a list that was on its way meanwhile is older.
        self._deleted: dict[tuple[Kind, Key], int] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return what is kept of one object (see ``kube.essential``); None if there is none."""
        kept = self._objects[kind].get((namespace, name))
        return _parsed(kept) if kept else None

    def of_model(self, kind: Kind, model: Key) -> list[Object]:
        """Return the objects of a kind that carry the model's label, in the order of their names."""
        objects = self._objects[kind]
        return [_parsed(objects[key]) for key in sorted(self._by_model.get((kind, model), ()))]

    def count(self, kind: Kind) -> int:
        """Return how many objects of a kind are known."""
        return len(self._objects[kind])

    def models(self) -> list[Key]:
        """Return the keys of all models."""
        return list(self._objects[MODEL])

    def put(self, kind: Kind, obj: Object) -> tuple[Key, ...]:
        """Take a newer version of an object; return the models to look at, because something kept of it has changed.

        An object whose label was changed concerns the model that it belonged to, too.
        """
        key, new = _key(obj), version(obj)
        known = self._objects[kind].get(key)
        if (known and known.version >= new) or self._deleted.get((kind, key), -1) >= new:
            return ()
        kept = essential(kind, obj)
        kept["metadata"].pop("resourceVersion", None)
        made = _Kept(new, model_key(kind, obj), zlib.compress(orjson.dumps(kept), zlib.Z_BEST_SPEED))
        if known is None or known.model != made.model:
            self._forget(kind, key)
            if made.model:
                self._by_model.setdefault((kind, made.model), set()).add(key)
        self._objects[kind][key] = made
        if known is not None and known.packed == made.packed:
            return ()
        return tuple({model for model in (made.model, known.model if known else None) if model})

    def remove(self, kind: Kind, obj: Object) -> tuple[Key, ...]:
        """Forget a deleted object, given as it was at the end; return the models to look at.

        None, if what is known is newer, or nothing.
        """
        key = _key(obj)
        known = self._objects[kind].get(key)
        if known and known.version > version(obj):
            return ()
        self._deleted[kind, key] = max(version(obj), self._deleted.get((kind, key), -1))
        self._forget(kind, key)
        return (known.model,) if known and known.model else ()

    def fill(self, kind: Kind, namespace: str | None, model: Key | None = None) -> "Fill":
        """Begin to make a kind's objects (of one namespace, of all, or of one model) exactly those of a list."""
        return Fill(self, kind, namespace, model)

    def replace(self, kind: Kind, namespace: str | None, listed: Listed, model: Key | None = None) -> None:
        """Fill from a list of one page."""
        fill = self.fill(kind, namespace, model)
        fill.take(listed)
        fill.done()

    def evict(self, kind: Kind, namespace: str | None, model: Key | None, wanted: set[Key], at: int) -> set[Key]:
        """Forget the objects in scope that are not wanted and not newer than version ``at``; return their models."""
        evicted: set[Key] = set()
        for key, known in list(self._objects[kind].items()):
            in_scope = namespace in (None, key[0]) and model in (None, known.model)
            if in_scope and key not in wanted and known.version <= at:
                self._forget(kind, key)
                if known.model:
                    evicted.add(known.model)
        if model is None:
            for (of, key), deleted in list(self._deleted.items()):
                if of == kind and namespace in (None, key[0]) and deleted <= at:
                    del self._deleted[of, key]
        return evicted

    def _forget(self, kind: Kind, key: Key) -> None:
        known = self._objects[kind].pop(key, None)
        if known is not None and known.model:
            siblings = self._by_model[kind, known.model]
            siblings.discard(key)
            if not siblings:
                del self._by_model[kind, known.model]


class Fill:
    """A list on its way into the cache, page by page. ``changed`` holds the models of which anything has changed.

    Objects that are gone from the list are ghosts of deletions that no watch has told; those newer than the list were
    made since.
    """

    def __init__(self, cache: Cache, kind: Kind, namespace: str | None, model: Key | None) -> None:
        self._cache, self._kind, self._namespace, self._model = cache, kind, namespace, model
        self._seen: set[Key] = set()
        self.version = 0
        self.changed: set[Key] = set()

    def take(self, page: Listed) -> None:
        """Take a page in."""
        self.version = page.version
        for obj in page.items:
            self._seen.add(_key(obj))
            self.changed.update(self._cache.put(self._kind, obj))

    def done(self) -> None:
        """Evict the ghosts: all pages were taken."""
        self.changed |= self._cache.evict(self._kind, self._namespace, self._model, self._seen, self.version)


def model_key(kind: Kind, obj: Object) -> Key | None:
    """Return the model that an object belongs to: itself, or the one that its label names."""
    metadata = obj["metadata"]
    if kind == MODEL:
        return metadata["namespace"], metadata["name"]
    model = metadata.get("labels", {}).get(names.LABEL_MODEL)
    return (metadata["namespace"], model) if model else None


def _key(obj: Object) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _parsed(kept: _Kept) -> Object:
    obj: Object = orjson.loads(zlib.decompress(kept.packed))
    obj["metadata"]["resourceVersion"] = str(kept.version)
    return obj


def version(obj: Object) -> int:
    """Return an object's resource version: a number that grows, for API servers on etcd."""
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdigit() else 0
