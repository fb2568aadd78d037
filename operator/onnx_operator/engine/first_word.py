"""When the first status of a model is written: a moment later than it could be.

Most models become ready within that moment, and one write says all of it. Until then the CustomResourceDefinition's
default, ``observedGeneration: -1``, tells kstatus that the model is on its way.
"""

from collections.abc import Callable
from typing import Any

from onnx_operator.cache import Key

Object = dict[str, Any]

MOMENT = 1.0  # seconds
# While other models wait for their objects, words can wait longer: so many seconds.
AT_MOST = 15.0


class FirstWord:
    """Knows since when models have no status. ``clock`` is monotonic; ``busy`` tells whether many wait for a worker."""

    def __init__(self, clock: Callable[[], float], busy: Callable[[], bool]) -> None:
        self._clock, self._busy = clock, busy
        self._since: dict[Key, float] = {}

    def wait(self, key: Key, before: Object, after: Object) -> float | None:
        """Return for how many seconds to look again instead of writing this status; None if it is to be written."""
        said = {condition["type"]: condition["status"] for condition in after["conditions"]}
        if before.get("conditions") or said.get("Ready") == "True" or said.get("Stalled") == "True":
            self._since.pop(key, None)
            return None
        waited = self._clock() - self._since.setdefault(key, self._clock())
        if waited >= (AT_MOST if self._busy() else MOMENT):
            self._since.pop(key, None)
            return None
        return MOMENT

    def forget(self, key: Key) -> None:
        """Forget a model that is gone."""
        self._since.pop(key, None)
