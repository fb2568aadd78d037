"""Remembers the manifests that do not come to stand: an admission webhook changes them, or the API server drops a part.

Without this, such an object would be written again at each look, for ever.
"""

import logging
from typing import Any

from onnx_operator.kube.difference import needs_apply

Object = dict[str, Any]

BOOKKEEPING = {"resourceVersion", "generation", "managedFields"}

log = logging.getLogger(__name__)


class Overruled:
    """Knows, by object, what was asked for in vain and what came of it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[Object, Object]] = {}

    def note(self, manifest: Object, applied: Object) -> None:
        """Take the API server's answer to an apply."""
        key = _key(manifest)
        if not needs_apply(manifest, applied):
            self._known.pop(key, None)
            return
        if key not in self._known:
            log.warning("%s %s/%s does not become what was asked for: does an admission webhook change it?", *key)
        self._known[key] = (manifest, _essence(applied))

    def holds(self, manifest: Object, live: Object) -> bool:
        """Return whether asking again would be in vain: same manifest, and the object is as the last apply left it."""
        return self._known.get(_key(manifest)) == (manifest, _essence(live))


def _key(manifest: Object) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]


def _essence(live: Object) -> Object:
    metadata = {key: value for key, value in live["metadata"].items() if key not in BOOKKEEPING}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}
