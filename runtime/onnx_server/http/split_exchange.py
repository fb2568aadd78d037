"""Requests on the quick way that have to do with a split: those it is asked about, and those another pod forwarded."""

import time
from functools import partial
from typing import TYPE_CHECKING

from onnx_server.engine.work import Outcome, Run
from onnx_server.http.exchange import Exchange
from onnx_server.models.loaded import Loaded
from onnx_server.protocol import response
from onnx_server.protocol.errors import RequestError
from onnx_server.traffic.arms import CANDIDATE, PREVIEW, STABLE, UNCOUNTED, Arm
from onnx_server.traffic.forward import Forward
from onnx_server.traffic.message import RAN, Answer, Request
from onnx_server.traffic.preview import Preview
from onnx_server.traffic.ran import ran

if TYPE_CHECKING:
    from onnx_server.http.quick import QuickConnection


class ArrivedExchange(Exchange):
    """A request that another pod forwarded: answered here, and counted apart too. It hears how the request ran."""

    __slots__ = ()

    def write(self, answer: response.Response, run: Run) -> None:
        """Write the answer, and how it ran."""
        how = ran(run, time.monotonic() - self.received - run.queued)
        self.connection.answer(answer, b"" if how is None else b"%b: %b\r\n" % (RAN, how.header()))

    def finish(self, result: response.Response | RequestError, outcome: Outcome, now: float) -> float:
        """Count it."""
        seconds = super().finish(result, outcome, now)
        self.connection.state.traffic.arrived(succeeded=not isinstance(result, RequestError))
        return seconds


class ObservedExchange(Exchange):
    """A request that the split's rules leave to this pod, whatever the dice: answered here, counted, perhaps copied.

    That was known once its head had come: a split that is pushed before its body has come does not forward it.
    """

    __slots__ = ()

    def done(self, outcome: Outcome) -> None:
        """Hear what the engine says, answer and count."""
        now = time.monotonic()
        result = self.encoded(outcome)
        traffic = self.connection.state.traffic
        shadow = traffic.shadow
        encoded = now if shadow is None else time.monotonic()
        seconds = self.finish(result, outcome, now)
        if isinstance(result, RequestError) or isinstance(outcome, RequestError):
            traffic.answered_here(result.status if isinstance(result, RequestError) else 500, seconds)
            return
        traffic.answered_here(200, seconds, outcome, self.started_at + seconds)
        if shadow is not None and shadow.takes(encoded):
            json = self.decode_seconds if self.header_length is None else 0.0
            json += encoded - now if result.header_length is None else 0.0
            shadow.copy(self.loaded, self.decoded, outcome, encoded - self.received, json)


class SplitExchange(ObservedExchange):
    """A request while there is a split. It is the client's side of the forwarding (`traffic.parties.Client`)."""

    __slots__ = ("_arm", "_body", "_forward")

    def __init__(self, connection: "QuickConnection", loaded: Loaded, started_at: float) -> None:
        super().__init__(connection, loaded, started_at)
        # Until the body has come, after which it is asked who answers; the client may leave before.
        self._arm: Arm = UNCOUNTED
        self._forward: Forward | Preview | None = None

    def begin(self, body: bytes | memoryview, header_length: int | None) -> None:
        """Answer it, or have a candidate do so."""
        connection = self.connection
        arm = self._arm = connection.route()
        if arm is CANDIDATE or arm is PREVIEW:
            self._body, self.header_length = body, header_length
            request = Request(connection.forwarded_head(), body)
            self._forward = connection.state.traffic.forward(arm, request, self)
            if self._forward is not None:
                return
        Exchange.begin(self, body, header_length)

    def run(self) -> None:
        """Begin with an own answer: the candidate has none, or is late."""
        super().begin(self._body, self.header_length)

    def done(self, outcome: Outcome) -> None:
        """Hear what the engine says; while a candidate is asked too, whether it is the answer is said there."""
        if self.response_complete:
            return  # the candidate's answer was sent, or the client has left
        if self._forward is None:
            if self._arm is STABLE:
                super().done(outcome)
            else:
                Exchange.done(self, outcome)
            return
        now = time.monotonic()
        result = self.encoded(outcome)
        status = result.status if isinstance(result, RequestError) else 200
        self._forward.own(status, partial(self._send, result, outcome, now))

    def _send(self, result: response.Response | RequestError, outcome: Outcome, now: float) -> None:
        self._forward = None
        self.finish(result, outcome, now)

    def forwarded(self, answer: Answer) -> None:
        """Send the candidate's answer."""
        self._drop()
        self.connection.answer_forwarded(answer)

    def unreachable(self, message: str) -> None:
        """Say that the candidate could not be asked."""
        self._drop()
        self.connection.answer_error(self, RequestError(502, message))

    def _drop(self) -> None:
        """Let go of the model and of what was begun: the request is not one that this pod has answered."""
        self.response_complete = True
        self.statistics.in_flight -= 1
        self._forward = None
        if self.work is not None:
            self.loaded.scheduler.cancel(self.work)

    def leave(self) -> None:
        """The client has left: so the candidate is left, too."""
        if self.response_complete or self._forward is None:
            super().leave()
            return
        self.disconnected = True
        self._forward.leave()
        self._drop()
