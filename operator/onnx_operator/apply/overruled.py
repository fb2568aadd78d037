"""Remembers the manifests that do not come to stand: an admission webhook changes them, or a field is another's.

Without this, such an object would be written again at each look, for ever.
"""

import logging
from dataclasses import dataclass
from typing import Any

from onnx_operator.decide.trouble import Trouble

Object = dict[str, Any]

BOOKKEEPING = {"resourceVersion", "generation", "managedFields"}

MOST = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """What was asked for in vain, what the object is instead, and what there is to say of it, if anything."""

    manifest: Object
    essence: Object
    trouble: Trouble | None


class Overruled:
    """Knows, by object, what was asked for in vain and what came of it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Held] = {}

    def note(self, manifest: Object, live: Object, trouble: Trouble | None = None) -> None:
        """Take what became of a manifest that did not come to stand: the object, as ``kube.essential`` has it."""
        key = _key(manifest)
        if key not in self._known and trouble is None:
            log.warning("%s %s/%s does not become what was asked for: does an admission webhook change it?", *key)
        if len(self._known) >= MOST:
            self._known.clear()  # each of them is asked for once more
        self._known[key] = Held(manifest, _essence(live), trouble)

    def forget(self, manifest: Object) -> None:
        """Take that an object has come to stand: it may again."""
        self._known.pop(_key(manifest), None)

    def holds(self, manifest: Object, live: Object) -> Held | None:
        """Return what is known if asking again would be in vain: same manifest, and the object is as it was left."""
        held = self._known.get(_key(manifest))
        return held if held and (held.manifest, held.essence) == (manifest, _essence(live)) else None


def _key(manifest: Object) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]


def _essence(live: Object) -> Object:
    metadata = {key: value for key, value in live["metadata"].items() if key not in BOOKKEEPING}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}
