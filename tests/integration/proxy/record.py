"""What was asked through an entrance, and when: counts, rates, and the times of writes."""

import time
from bisect import bisect_left
from dataclasses import dataclass, field

from tests.integration.proxy.calls import Call


@dataclass
class Entry:
    """One call: when it came and when it was answered (monotonic seconds), and how; 0 is not at all."""

    call: Call
    came: float
    answered: float | None = None
    code: int = 0


@dataclass
class Record:
    """All calls of an entrance, in the order in which they came."""

    entries: list[Entry] = field(default_factory=list)

    def came(self, call: Call) -> Entry:
        """Note a call."""
        entry = Entry(call, time.monotonic())
        self.entries.append(entry)
        return entry

    def of(self, namespace: str, since: int = 0) -> list[Entry]:
        """Return the calls of a namespace, from a place in the record on."""
        return [entry for entry in self.entries[since:] if entry.call.namespace == namespace]

    def writes(self, namespace: str | None = None) -> list[Entry]:
        """Return the writes, of one namespace or of all."""
        return [e for e in self.entries if e.call.write and namespace in (None, e.call.namespace)]

    def busiest_second(self, since: float = 0.0, until: float = float("inf")) -> int:
        """Return the greatest number of calls that came within a second, of those between two monotonic times."""
        return busiest([entry.came for entry in self.entries if since <= entry.came <= until])


def busiest(times: list[float], window: float = 1.0) -> int:
    """Return how many of these rising times lie at most within one `window` of seconds."""
    return max((bisect_left(times, begin + window) - place for place, begin in enumerate(times)), default=0)
