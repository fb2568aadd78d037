"""The quick way of ModelInfer: answered by the engine's callback, with no task in between."""

import logging
import time

from onnx_server import inference
from onnx_server.engine.work import Outcome, Work
from onnx_server.grpc.encode import Encoder
from onnx_server.grpc.exchange import Exchange
from onnx_server.grpc.status import code_of
from onnx_server.http2.call import Call
from onnx_server.protocol.errors import RequestError, internal

log = logging.getLogger(__name__)


class Pending:
    """A usual unary request: one that waits for nothing but the engine, and that nobody observes."""

    __slots__ = ("_call", "_encoder", "_exchange", "_work")

    def __init__(self, call: Call, exchange: Exchange, encoder: Encoder) -> None:
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
            parts = self._encoder.encode(exchange.decoded, outcome.outputs)
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
