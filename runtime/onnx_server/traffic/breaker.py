"""Stops a split whose candidate fails outright, without waiting for anybody's order."""

from collections import Counter, deque

from onnx_server.traffic.arms import Failure

WINDOW = 20
LEAST = 5


class Breaker:
    """Opens when at least 5, and at least half, of the last 20 forwarded requests failed. It stays open.

    Late answers are no such failures: one pause of a process makes all late that are under way. It takes 20 requests in
    a row without an answer in time to open it for them.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._last: deque[Failure | None] = deque(maxlen=WINDOW)

    @property
    def open(self) -> bool:
        """Whether nothing is to be forwarded."""
        return bool(self.reason)

    def succeeded(self) -> None:
        """Note a request that the candidate answered."""
        self._last.append(None)

    def failed(self, failure: Failure) -> None:
        """Note a failure of the candidate, which may open the breaker."""
        self._last.append(failure)
        kinds = Counter(each for each in self._last if each is not None)
        failed = kinds.total()
        wrong = failed - kinds["late"]
        if not self.reason and ((wrong >= LEAST and wrong * 2 >= len(self._last)) or failed == WINDOW):
            listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
            self.reason = f"{failed} of the last {len(self._last)} forwarded requests failed: {listed}"
