"""Which copies this pod runs once more itself, to learn how much it differs from itself. Pure."""

from onnx_server.traffic.room import Ledger

FIRST = 10
"""So many run as soon as may be: a stable version that is never the same twice is noticed before it is judged by."""
EVERY = 10
"""From then on every so manieth copy."""
FIRST_COST = 0.1
"""The first ones may take ten times as much as all others, as nothing is judged before there are some: at two copies
under way at a time, the operator's 8 are there before 200 copies, however long the model runs."""
HELD_SHARE, HELD_CREDIT = 0.001, 200
"""Of clients' requests so many may have to wait for a run, and so many besides: enough for a busy pod's first ones.

Each of them waits as long as the model runs, so it is among the slowest: of one in a hundred the 99th percentile would
be of nothing else.
"""


class SelfRuns:
    """One at a time, and within a ledger of their own: a heavy model's run costs far more than a copy."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._under_way = False
        self._runs = 0
        self._copies = 0
        self._held = 0
        self._starved = False

    def anew(self) -> None:
        """Begin to learn again, with all the credit there can be."""
        self._ledger.rest()
        self._runs = self._copies = self._held = 0
        self._starved = False

    @property
    def urgent(self) -> bool:
        """Whether what `begin` let run waits its turn among clients' requests, not until there are none.

        The first ones do once one got no turn: a pod that always has requests would else never tell how much its model
        differs from itself.
        """
        return self._starved and self._runs <= FIRST

    def wants(self, requests: int, now: float) -> bool:
        """Return whether a copy that begins now is to run once more, if it is compared and nothing comes between.

        `requests` of clients were answered in this course. `now` is in seconds of time.monotonic().
        """
        wanted = self._runs < FIRST or self._copies + 1 >= EVERY
        held_too_many = self._held > HELD_CREDIT + HELD_SHARE * requests
        return wanted and not self._under_way and not held_too_many and not self._ledger.spent(now)

    def pass_over(self) -> None:
        """Note a copy that was compared, and is not to run once more. What is left out the next one makes up."""
        self._copies += 1

    def begin(self, requests: int, now: float) -> bool:
        """Note a copy that was compared; return whether it is to run once more now, which `wants` is about."""
        wanted = self.wants(requests, now)
        self._copies += 1
        if wanted:
            self._under_way = True
            self._runs += 1
            self._copies = 0
        return wanted

    def end(self, seconds: float, held: int, now: float) -> None:
        """What `begin` let run is over; it took `seconds` of this pod's time, the model's included.

        So many requests of clients were `held` up by it.
        """
        self._under_way = False
        self._held += held
        self._ledger.spend(seconds * FIRST_COST if self._runs <= FIRST else seconds, now)

    def starved(self) -> None:
        """What `begin` let run never had its turn: another one is to run in its place."""
        self._under_way = False
        self._runs = max(0, self._runs - 1)
        self._copies = EVERY
        self._starved = True
