"""A request on the quick way, from its head to its answer."""

import logging
import time
from typing import TYPE_CHECKING

from onnx_server import inference
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.models.loaded import Loaded
from onnx_server.protocol import response
from onnx_server.protocol.errors import CancelledRequestError, RequestError, internal

if TYPE_CHECKING:
    from onnx_server.http.quick import QuickConnection

log = logging.getLogger(__name__)


class Exchange:
    """A request on the quick way and its answer. To uvicorn it is the cycle that is under way."""

    __slots__ = (
        "connection",
        "decode_seconds",
        "decoded",
        "disconnected",
        "header_length",
        "loaded",
        "message_event",
        "received",
        "response_complete",
        "started_at",
        "statistics",
        "work",
    )

    def __init__(self, connection: "QuickConnection", loaded: Loaded, started_at: float) -> None:
        self.connection = connection
        self.loaded = loaded
        self.started_at = started_at
        self.work: Work | None = None
        # What uvicorn asks of a cycle.
        self.response_complete = False
        self.disconnected = False
        self.message_event = _NOBODY_WAITS
        self.statistics = loaded.statistics.http
        self.statistics.in_flight += 1

    def begin(self, body: bytes | memoryview, header_length: int | None) -> None:
        """Decode and submit; the answer comes through `done`."""
        loaded = self.loaded
        self.header_length = header_length
        self.received = received = time.monotonic()
        try:
            self.decoded = loaded.decoder.decode(body, header_length)
            self.decode_seconds = time.monotonic() - received
            self.work = inference.submit(loaded, self.decoded, received, self.done)
        except RequestError as error:
            self.done(error)
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            self.done(internal())

    def done(self, outcome: Outcome) -> None:
        """Hear what the engine says, and answer."""
        now = time.monotonic()
        self.finish(self.encoded(outcome), outcome, now)

    def encoded(self, outcome: Outcome) -> response.Response | RequestError:
        """Return the answer."""
        if self.disconnected:
            return CancelledRequestError()
        if isinstance(outcome, RequestError):
            return outcome
        try:
            return response.encode(self.decoded, outcome.outputs, self.loaded.name, self.loaded.version)
        except RequestError as error:
            return error
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            return internal()

    def finish(self, result: response.Response | RequestError, outcome: Outcome, now: float) -> float:
        """Write the answer and count it; it was begun at `now`. Returns how many seconds the request took."""
        self.response_complete = True
        self.statistics.in_flight -= 1
        if isinstance(result, RequestError):
            seconds = now - self.started_at
            self.statistics.failed(inference.reason(result), result.status, seconds)
            self.connection.answer_error(self, result)
            return seconds
        if isinstance(outcome, RequestError):
            raise AssertionError("an error is answered as one")
        self.write(result, outcome)
        end = time.monotonic()
        seconds = end - self.started_at
        self.statistics.succeeded(
            request=seconds,
            queued=outcome.queued,
            decoded=self.decode_seconds,
            computed=outcome.computed,
            encoded=end - now,
        )
        return seconds

    def write(self, answer: response.Response, _run: Run) -> None:
        """Write the answer."""
        self.connection.answer(answer)

    def leave(self) -> None:
        """The client has left: take the request out of the queue, or let its result be dropped."""
        if self.response_complete:
            return
        self.disconnected = True
        if self.work is None:
            self.done(CancelledRequestError())
        else:
            self.loaded.scheduler.cancel(self.work)


class _Nobody:
    """The event of a cycle for which no task waits."""

    def set(self) -> None:
        """Wake nobody."""


_NOBODY_WAITS = _Nobody()
