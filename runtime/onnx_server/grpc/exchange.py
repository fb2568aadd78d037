"""One inference request over gRPC, and what is counted of it."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from onnx_server import inference
from onnx_server.engine.work import Run
from onnx_server.grpc.decode import decode
from onnx_server.grpc.messages import message
from onnx_server.grpc.status import code_of
from onnx_server.models.registry import Registry
from onnx_server.protocol.errors import CancelledRequestError, RequestError, bad_request
from onnx_server.protocol.request import InferRequest
from onnx_server.state import State
from onnx_server.telemetry.finished import Finished
from onnx_server.traffic.arms import CANDIDATE, PREVIEW, STABLE, UNCOUNTED, Arm
from onnx_server.traffic.message import FORWARDED
from onnx_server.traffic.ran import Ran, ran
from onnx_server.traffic.shadow import Shadow

_ModelInferRequest = message("inference.ModelInferRequest")
# A loop's timers may be early by about as much, in seconds.
_EARLY = 0.005


class Caller(Protocol):
    """Who asks: a call of HTTP/2, or a request of the Connect protocol.

    `deadline` is the client's, in seconds of time.monotonic(). Names of `metadata` and `fields` are in lower case.
    """

    @property
    def deadline(self) -> float | None:
        """When the client stops waiting."""

    @property
    def metadata(self) -> Sequence[tuple[str, str | bytes]]:
        """What the client says of itself, in its order."""

    @property
    def fields(self) -> Sequence[tuple[bytes, bytes]]:
        """The same as it came, perhaps among fields of the transport."""


class Exchange:
    """A request, who is to answer it (`arm`), and what is counted of it, once.

    With `tells`, which is for another pod, `ran` says in the end how the request ran here.
    """

    __slots__ = (
        "arm",
        "caller",
        "deadline",
        "decode_seconds",
        "loaded",
        "message",
        "observer",
        "ran",
        "request",
        "started",
        "statistics",
        "tells",
        "traffic",
    )

    def __init__(self, state: State, caller: Caller, data: bytes) -> None:
        """Parse `data`, find its model, and say who is to answer. Raises RequestError."""
        self.started = time.monotonic()
        self.caller = caller
        self.deadline = caller.deadline
        self.observer = state.observer
        self.decode_seconds = 0.0
        self.request: InferRequest | None = None
        self.tells = False
        self.ran: Ran | None = None
        try:
            self.message: Any = _ModelInferRequest.FromString(data)
        except DecodeError:
            raise bad_request("the message is no inference.ModelInferRequest: protobuf cannot parse it") from None
        self.traffic = traffic = state.traffic
        self.arm: Arm = UNCOUNTED
        self.find(state.registry)
        if traffic.active:
            version = self.message.model_version
            if version and version != self.loaded.version:
                self.arm = PREVIEW  # which this pod could not answer
            else:  # as Traffic.route, without another call for each request
                traffic.asked += 1
                self.arm = traffic.rules.arm(caller.fields, version) or traffic.drawn()

    def find(self, registry: Registry) -> None:
        """Find the model, again where turns of the loop have passed: it may be another one. Raises RequestError."""
        name, version = self.message.model_name, self.message.model_version or None
        try:
            self.loaded = registry.find(name, version)
        except RequestError:
            if version is None or not self.traffic.took_over(version) or self._was_forwarded():
                raise
            self.loaded = registry.find(name, None)
        self.statistics = self.loaded.statistics.transport("grpc")

    def _was_forwarded(self) -> bool:
        return any(name == FORWARDED for name, _ in self.caller.fields)

    @property
    def forwards(self) -> bool:
        """Whether a candidate is to be asked."""
        return self.arm is CANDIDATE or self.arm is PREVIEW

    def begin(self) -> None:
        """Count the request as being in flight, in the turn of the loop in which its model was found."""
        self.statistics.in_flight += 1

    def decode(self) -> InferRequest:
        """Return the decoded request. Raises RequestError."""
        before = time.monotonic()
        self.request = decode(self.message, self.loaded.signature, self.loaded.settings.max_batch_size)
        self.decode_seconds = time.monotonic() - before
        return self.request

    @property
    def decoded(self) -> InferRequest:
        """The request that `decode` returned."""
        if self.request is None:
            raise AssertionError("only a decoded request has an outcome")
        return self.request

    def succeeded(self, run: Run, encoded: float) -> None:
        """Count an answer, encoded in so many seconds."""
        seconds = time.monotonic() - self.started
        self.statistics.in_flight -= 1
        self.statistics.succeeded(
            request=seconds,
            queued=run.queued,
            decoded=self.decode_seconds,
            computed=run.computed,
            encoded=encoded,
        )
        if self.arm is STABLE:
            traffic = self.traffic
            now = self.started + seconds
            traffic.answered_here(200, seconds, run, now)
            if traffic.shadow is not None and traffic.shadow.takes(now):
                self._copy(traffic.shadow, run, seconds)
        elif self.tells:
            self.ran = ran(run, seconds - run.queued)
        if self.observer is not None:
            finished = self._finished("OK", None, seconds)
            finished.queued, finished.computed, finished.encoded = run.queued, run.computed, encoded
            self.observer.finished(finished)

    def _copy(self, shadow: Shadow, run: Run, seconds: float) -> None:
        raw = self.message.raw_input_contents or not self.message.inputs
        shadow.copy(self.loaded, self.decoded, run, seconds, 0.0 if raw else self.decode_seconds)

    def failed(self, error: RequestError) -> None:
        """Count an error, as what the client has heard of it."""
        now = time.monotonic()
        seconds = now - self.started
        if isinstance(error, CancelledRequestError) and self.deadline is not None and now > self.deadline - _EARLY:
            error = RequestError(504, "the client's deadline passed")
        self.statistics.in_flight -= 1
        code = code_of(error).name
        self.statistics.failed(inference.reason(error), code, seconds)
        if self.arm is STABLE:
            self.traffic.answered_here(error.status, seconds)
        if self.observer is not None:
            self.observer.finished(self._finished(code, error.message, seconds))

    def forwarded(self, error: RequestError | None = None) -> None:
        """Tell of a candidate's answer, which the traffic counts and the model's statistics do not."""
        self.statistics.in_flight -= 1
        if self.observer is not None:
            code, words = ("OK", None) if error is None else (code_of(error).name, error.message)
            finished = self._finished(code, words, time.monotonic() - self.started)
            finished.forwarded_to = self.traffic.revision
            self.observer.finished(finished)

    def _finished(self, code: str, error: str | None, seconds: float) -> Finished:
        loaded, headers = self.loaded, dict(self.caller.metadata)
        traceparent, tracestate = headers.get("traceparent"), headers.get("tracestate")
        finished = Finished(loaded.name, loaded.version, "grpc", _text(traceparent), _text(tracestate), code, error)
        finished.seconds = seconds
        if self.request is not None:
            finished.id, finished.rows = self.request.id, self.request.rows
        return finished


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
