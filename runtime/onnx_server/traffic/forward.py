"""One forwarded request: the candidate's answer, or this pod's own where the candidate has none or is late."""

from collections.abc import Callable

from onnx_server.traffic.arms import Failure
from onnx_server.traffic.message import Answer
from onnx_server.traffic.outcome import Outcome, failure_of
from onnx_server.traffic.parties import NOBODY, Cancellable, Client, Later, Timer

GRACE_SECONDS = 1.0
"""For a late candidate where this pod has an error only."""

TURN_SECONDS = 0.002
"""For what came while the event loop was held up: its timers are called before its sockets are read."""


class Forward:
    """The first good answer wins, and the client gets exactly one.

    `tell` hears the outcome once. `running` is whether this pod has begun with an answer of its own. `ran` is what the
    candidate said of how the request ran, of an answer that the client got.
    """

    __slots__ = ("_asked", "_client", "_failure", "_later", "_ours", "_tell", "_timer", "over", "ran", "running")

    def __init__(self, client: Client, tell: Callable[[Outcome], None], later: Later) -> None:
        self.over = False
        self.ran: bytes | None = None
        self._client = client
        self._tell = tell
        self._later = later
        self._asked: Cancellable | None = None
        self._timer: Timer | None = None
        self.running = False
        self._failure: Failure | None = None
        self._ours: Callable[[], None] | None = None

    def begin(self, asked: Cancellable, hedge_delay: float) -> None:
        """Wait for the answer to `asked`; after so many seconds begin with an own one too."""
        self._asked = asked
        self._timer = self._later(hedge_delay, self._late)

    def _late(self) -> None:
        self._timer = self._later(TURN_SECONDS, self._run)

    def answered(self, answer: Answer) -> None:
        """Hear the candidate's answer."""
        if self.over:
            return
        if answer.status == 200:
            self.ran = answer.ran
            self._end("answered").forwarded(answer)
        else:
            self.failed(failure_of(answer.status))

    def failed(self, failure: Failure) -> None:
        """Hear that the candidate has no good answer: now it is on this pod."""
        if self.over:
            return
        self._failure = failure
        if self._ours is not None:
            # Both are errors; which of them is to be believed is the same question as below.
            self._settle(self._ours, own_failed=True)
        else:
            self._run()

    def _run(self) -> None:
        self._stop_timer()
        if not self.running:
            self.running = True
            self._client.run()

    def own(self, status: int, send: Callable[[], None]) -> None:
        """Hear that this pod has an answer of `status` (of HTTP). `send` is called now, later or never."""
        if self.over:
            return
        if self._failure is not None:
            self._settle(send, own_failed=status >= 400)
        elif status < 500:
            # An error of the client's is as good as an answer: the candidate would hardly say otherwise.
            self._end("late")
            send()
        else:
            self._ours = send
            self._timer = self._later(GRACE_SECONDS, self._give_up)

    def _settle(self, send: Callable[[], None], *, own_failed: bool) -> None:
        """End with the own answer, where the candidate's was none."""
        failure = self._failure or "late"
        self._end("bothRefused" if failure == "clientError" and own_failed else failure)
        send()

    def _give_up(self) -> None:
        if not self.over and self._ours is not None:
            self._settle(self._ours, own_failed=True)

    def leave(self) -> None:
        """Hear that the client has left."""
        if not self.over:
            # What the client would have got from this pod is not known: that alone tells whose fault a 4xx is.
            self._end("left" if self._failure is None or self._failure == "clientError" else self._failure)

    def _end(self, outcome: Outcome) -> Client:
        self.over = True
        self._stop_timer()
        asked, client, tell = self._asked, self._client, self._tell
        self._asked, self._client, self._tell, self._ours = None, NOBODY, NOBODY.tell, None
        if asked is not None:
            asked.cancel()
        tell(outcome)
        return client

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
