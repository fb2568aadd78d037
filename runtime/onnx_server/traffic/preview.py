"""One request that a tester sends to the candidate."""

from collections.abc import Callable
from functools import partial

from onnx_server.traffic.arms import Failure
from onnx_server.traffic.message import Answer
from onnx_server.traffic.outcome import Outcome, failure_of
from onnx_server.traffic.parties import NOBODY, Cancellable, Client, Later, Timer

PREVIEW_SECONDS = 300.0
"""For a preview, which nobody else answers. A client that is still there then hears why it has no answer."""


class Preview:
    """A tester's request: whatever the candidate says, and nothing else."""

    __slots__ = ("_asked", "_client", "_later", "_tell", "_timer", "over")
    running = False

    def __init__(self, client: Client, tell: Callable[[Outcome], None], later: Later) -> None:
        self.over = False
        self._client = client
        self._tell = tell
        self._later = later
        self._asked: Cancellable | None = None
        self._timer: Timer | None = None

    def begin(self, asked: Cancellable) -> None:
        """Wait for the answer to `asked`."""
        self._asked = asked
        self._timer = self._later(PREVIEW_SECONDS, partial(self.failed, "late"))

    def answered(self, answer: Answer) -> None:
        """Hear the candidate's answer."""
        if not self.over:
            self._end("answered" if answer.status == 200 else failure_of(answer.status)).forwarded(answer)

    def failed(self, failure: Failure) -> None:
        """Hear that there is none."""
        if not self.over:
            self._end(failure).unreachable(_SAID[failure])

    def own(self, status: int, send: Callable[[], None]) -> None:
        """Nobody asks this pod for a preview."""
        raise AssertionError("a preview has no own answer")

    def leave(self) -> None:
        """Hear that the client has left."""
        if not self.over:
            self._end("left")

    def _end(self, outcome: Outcome) -> Client:
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        asked, client, tell = self._asked, self._client, self._tell
        self._asked, self._client, self._tell, self._timer = None, NOBODY, NOBODY.tell, None
        if asked is not None:
            asked.cancel()
        tell(outcome)
        return client


_SAID: dict[Failure, str] = {
    "refused": "the candidate's pod cannot be reached",
    "reset": "the candidate's pod ended the connection before its answer was complete",
    "late": f"the candidate's pod has not answered within {PREVIEW_SECONDS:g} s",
}
