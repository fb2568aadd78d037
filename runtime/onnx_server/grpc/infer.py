"""ModelInfer and ModelStreamInfer: from a message to the engine and back."""

import asyncio
import logging
import time
from typing import Any
from weakref import WeakKeyDictionary

from google.protobuf.message import DecodeError

from onnx_server import inference
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.grpc.decode import decode
from onnx_server.grpc.encode import Encoder, Parts, length_delimited
from onnx_server.grpc.messages import message
from onnx_server.grpc.status import code_of
from onnx_server.http2.call import Call
from onnx_server.http2.status import StatusCode, StatusError
from onnx_server.models.loaded import Loaded
from onnx_server.protocol.errors import CancelledRequestError, RequestError, bad_request, internal
from onnx_server.protocol.request import InferRequest
from onnx_server.state import State
from onnx_server.telemetry.finished import Finished

log = logging.getLogger(__name__)

_ModelInferRequest = message("inference.ModelInferRequest")
_ModelInferResponse = message("inference.ModelInferResponse")
_ModelStreamInferResponse = message("inference.ModelStreamInferResponse")
_INFER_RESPONSE = _ModelStreamInferResponse.INFER_RESPONSE_FIELD_NUMBER


def _final() -> bytes:
    response = _ModelInferResponse()
    response.parameters["triton_final_response"].bool_param = True
    return bytes(response.SerializeToString())


# By this clients of streams know that a request has no more answers.
_FINAL = _final()
STREAM_IN_FLIGHT = 64
"""Requests of one stream that are answered at once; more are read once the first of these is answered."""


class InferMethods:
    """Answers inference requests; the errors are those of REST."""

    def __init__(self, state: State) -> None:
        self._state = state
        # A model that was unloaded is not held by its encoder.
        self._encoders: WeakKeyDictionary[Loaded, Encoder] = WeakKeyDictionary()

    def infer(self, call: Call, data: bytes) -> None:
        """Answer one ModelInfer."""
        try:
            exchange = _Exchange(self._state, call, data)
        except RequestError as error:
            call.fail(code_of(error), error.message)
            return
        if exchange.loaded.preparation is not None or self._state.observer is not None:
            cancelled_with(call, asyncio.ensure_future(self._infer_unusual(call, data)))
            return
        pending = _Pending(call, exchange, self._encoder(exchange.loaded))
        pending.submit()

    async def _infer_unusual(self, call: Call, data: bytes) -> None:
        """Answer a request that waits for more than the engine, or that somebody wants to hear of."""
        try:
            # A model is found and its request counted in one turn of the loop: between them it could be unloaded.
            call.finish(await self._answer(_Exchange(self._state, call, data)))
        except RequestError as error:
            call.fail(code_of(error), error.message)

    async def stream(self, call: Call) -> None:
        """Answer a ModelStreamInfer: each request on its own, in their order. An error is one request's answer."""
        answers: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue()
        room = asyncio.Semaphore(STREAM_IN_FLIGHT)

        async def read() -> None:
            try:
                async for data in call:
                    await room.acquire()
                    answers.put_nowait(asyncio.ensure_future(self._streamed(call, data)))
            finally:
                answers.put_nowait(None)

        reader = asyncio.ensure_future(read())
        answer: asyncio.Task[bytes] | None = None
        try:
            while (answer := await answers.get()) is not None:
                await call.send(await answer)
                room.release()
            await reader
        finally:
            reader.cancel()
            if answer is not None:
                answer.cancel()
            while not answers.empty():
                if left := answers.get_nowait():
                    left.cancel()
        if not call.ended:
            # OK would say that all was answered, and the client may have sent more by now.
            raise StatusError(StatusCode.UNAVAILABLE, "the connection ends: go on with a new stream")

    async def _streamed(self, call: Call, data: bytes) -> bytes:
        exchange: _Exchange | None = None
        try:
            exchange = _Exchange(self._state, call, data)
            answer = b"".join(await self._answer(exchange)) + _FINAL
        except RequestError as error:
            failed = _ModelStreamInferResponse(error_message=error.message)
            if exchange is not None:
                # So that the client knows which of its requests failed.
                failed.infer_response.id = exchange.message.id
            return bytes(failed.SerializeToString())
        return length_delimited(_INFER_RESPONSE, len(answer)) + answer

    async def _answer(self, exchange: "_Exchange") -> Parts:
        """Return the answer, in parts. Raises RequestError. A cancelled task takes its request out of the queue."""
        loaded = exchange.loaded
        exchange.begin()
        try:
            request = exchange.decode()
            run = await inference.infer(loaded, request, exchange.started, exchange.deadline)
            encoding = time.monotonic()
            parts = self._encoder(loaded).encode(request, run.outputs)
        except RequestError as error:
            exchange.failed(error)
            raise
        except asyncio.CancelledError:
            exchange.failed(CancelledRequestError())
            raise
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            exchange.failed(internal())
            raise internal() from None
        exchange.succeeded(run, time.monotonic() - encoding)
        return parts

    def _encoder(self, loaded: Loaded) -> Encoder:
        encoder = self._encoders.get(loaded)
        if encoder is None:
            encoder = self._encoders[loaded] = Encoder(loaded.name, loaded.version)
        return encoder


# A loop's timers may be early by about as much, in seconds.
_EARLY = 0.005


class _Exchange:
    """A request and what is counted of it, once."""

    __slots__ = (
        "call",
        "deadline",
        "decode_seconds",
        "loaded",
        "message",
        "observer",
        "request",
        "started",
        "statistics",
    )

    def __init__(self, state: State, call: Call, data: bytes) -> None:
        """Parse `data` and find its model. Raises RequestError."""
        self.started = time.monotonic()
        self.call = call
        self.deadline = call.deadline
        self.observer = state.observer
        self.decode_seconds = 0.0
        self.request: InferRequest | None = None
        try:
            self.message = _ModelInferRequest.FromString(data)
        except DecodeError:
            raise bad_request("the message is no inference.ModelInferRequest: protobuf cannot parse it") from None
        self.loaded = state.registry.find(self.message.model_name, self.message.model_version or None)
        self.statistics = self.loaded.statistics.transport("grpc")

    def begin(self) -> None:
        """Count the request as being in flight."""
        self.statistics.in_flight += 1

    def decode(self) -> InferRequest:
        """Return the decoded request. Raises RequestError."""
        before = time.monotonic()
        self.request = decode(self.message, self.loaded.signature, self.loaded.settings.max_batch_size)
        self.decode_seconds = time.monotonic() - before
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
        if self.observer is not None:
            finished = self._finished("OK", None, seconds)
            finished.queued, finished.computed, finished.encoded = run.queued, run.computed, encoded
            self.observer.finished(finished)

    def failed(self, error: RequestError) -> None:
        """Count an error, as what the client has heard of it."""
        now = time.monotonic()
        seconds = now - self.started
        if isinstance(error, CancelledRequestError) and self.deadline is not None and now > self.deadline - _EARLY:
            error = RequestError(504, "the client's deadline passed")
        self.statistics.in_flight -= 1
        code = code_of(error).name
        self.statistics.failed(inference.reason(error), code, seconds)
        if self.observer is not None:
            self.observer.finished(self._finished(code, error.message, seconds))

    def _finished(self, code: str, error: str | None, seconds: float) -> Finished:
        loaded, headers = self.loaded, dict(self.call.metadata)
        traceparent, tracestate = headers.get("traceparent"), headers.get("tracestate")
        finished = Finished(loaded.name, loaded.version, "grpc", _text(traceparent), _text(tracestate), code, error)
        finished.seconds = seconds
        if self.request is not None:
            finished.id, finished.rows = self.request.id, self.request.rows
        return finished


class _Pending:
    """A usual unary request: answered by the engine's callback, with no task in between."""

    __slots__ = ("_call", "_encoder", "_exchange", "_work")

    def __init__(self, call: Call, exchange: _Exchange, encoder: Encoder) -> None:
        self._call = call
        self._exchange = exchange
        self._encoder = encoder
        self._work: Work | None = None

    def submit(self) -> None:
        """Decode and queue the request."""
        exchange = self._exchange
        exchange.begin()
        try:
            request = exchange.decode()
            self._call.on_cancel = self._cancel
            self._work = inference.submit(exchange.loaded, request, exchange.started, self._done, exchange.deadline)
        except RequestError as error:
            self._fail(error)
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            self._fail(internal())

    def _done(self, outcome: Outcome) -> None:
        if isinstance(outcome, RequestError):
            self._fail(outcome)
            return
        exchange, encoding = self._exchange, time.monotonic()
        try:
            parts = self._encoder.encode(_decoded(exchange), outcome.outputs)
        except RequestError as error:
            self._fail(error)
            return
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            self._fail(internal())
            return
        self._call.finish(parts)
        exchange.succeeded(outcome, time.monotonic() - encoding)

    def _fail(self, error: RequestError) -> None:
        self._exchange.failed(error)
        self._call.fail(code_of(error), error.message)

    def _cancel(self) -> None:
        if self._work is not None:
            self._exchange.loaded.scheduler.cancel(self._work)


def cancelled_with(call: Call, task: "asyncio.Future[None]") -> None:
    """Cancel `task` if the client leaves `call`, or its deadline passes."""

    def cancel() -> None:
        task.cancel()

    call.on_cancel = cancel


def _decoded(exchange: _Exchange) -> InferRequest:
    if exchange.request is None:
        raise AssertionError("only a decoded request has an outcome")
    return exchange.request


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
