"""Remembers which objects were found to stand as they should, so that the same two are not compared again."""

from typing import Any

import orjson

Object = dict[str, Any]
Key = tuple[str, str, str]


MOST = 100_000


class Standing:
    """Knows, by object, the version that was last found to be as a manifest asks, and that manifest's hash."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[str, int]] = {}

    def note(self, manifest: Object, live: Object) -> None:
        """Take that the live object is as the manifest asks."""
        if len(self._known) >= MOST:
            self._known.clear()  # names of what was deleted are in it; what is there is compared once more
        self._known[_key(manifest)] = _stamp(manifest, live)

    def holds(self, manifest: Object, live: Object) -> bool:
        """Return whether this was found of the same manifest and the same version of the object."""
        return self._known.get(_key(manifest)) == _stamp(manifest, live)


def _stamp(manifest: Object, live: Object) -> tuple[str, int]:
    return live["metadata"]["resourceVersion"], hash(orjson.dumps(manifest))


def _key(manifest: Object) -> Key:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]
