"""What was decided last about each model, for the debug endpoint; and the model that a log line is about."""

from collections import OrderedDict, deque
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from onnx_operator.cache import Key

DECISIONS_KEPT = 10
MODELS_KEPT = 1000

CURRENT_KEY: ContextVar[str | None] = ContextVar("key", default=None)
"""``namespace/name`` of the model that this task reconciles."""


@dataclass(frozen=True)
class Entry:
    """One reconcile: when it began (RFC 3339), how long it took in seconds, and what came of it."""

    at: str
    seconds: float
    result: str
    detail: str


class Journal:
    """The last reconciles of each model; of many models only those looked at last."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, deque[Entry]] = OrderedDict()

    def note(self, key: Key, entry: Entry) -> None:
        """Keep an entry."""
        self._entries.setdefault(key, deque(maxlen=DECISIONS_KEPT)).append(entry)
        self._entries.move_to_end(key)
        while len(self._entries) > MODELS_KEPT:
            self._entries.popitem(last=False)

    def of(self, key: Key) -> list[dict[str, Any]]:
        """Return a model's entries, newest last."""
        return [asdict(entry) for entry in self._entries.get(key, ())]
