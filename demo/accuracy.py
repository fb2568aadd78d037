"""How right the answers were that users saw."""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class Accuracy:
    """What users saw: of the digits that each client asked about last, how many were read as what they show.

    Each client asks about all digits in an order of its own, again and again, and its last `whole` digits are each
    digit once: so where one version answers, `now` is that version's accuracy, and no sample of it. `lowest` is the
    lowest that it was. Both are shares, 0 to 1, and None until all clients have asked about all digits.
    """

    whole: int
    windows: dict[int, deque[tuple[int, int]]] = field(default_factory=dict)
    lowest: float | None = None
    now: float | None = None

    def saw(self, client: int, right: int, rows: int, clients: int) -> None:
        """Take in an answer to `rows` digits."""
        window = self.windows.setdefault(client, deque())
        window.append((right, rows))
        while sum(asked for _, asked in window) > self.whole:
            window.popleft()
        pairs = [pair for window in self.windows.values() for pair in window]
        if sum(asked for _, asked in pairs) == clients * self.whole:
            self.now = sum(right for right, _ in pairs) / (clients * self.whole)
            self.lowest = self.now if self.lowest is None else min(self.lowest, self.now)
