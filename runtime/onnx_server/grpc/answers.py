"""From a request's message to the engine, or a candidate, and back: the one way of all forms of ModelInfer."""

import asyncio
import logging
import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from onnx_server import inference
from onnx_server.engine.work import Run
from onnx_server.grpc import forwarding
from onnx_server.grpc.encode import Encoder, Parts
from onnx_server.grpc.exchange import Exchange
from onnx_server.models.loaded import Loaded
from onnx_server.protocol.errors import CancelledRequestError, RequestError, internal
from onnx_server.traffic.arms import Arm
from onnx_server.traffic.awaited import ask
from onnx_server.traffic.message import Answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Made:
    """An answer of a model that is loaded here, encoded in `encoded` seconds."""

    parts: Parts
    run: Run
    encoded: float


class Answers:
    """Answers requests from the models that are loaded here, and from candidates where the traffic says so."""

    def __init__(self) -> None:
        # A model that was unloaded is not held by its encoder.
        self._encoders: WeakKeyDictionary[Loaded, Encoder] = WeakKeyDictionary()

    async def answer(self, exchange: Exchange, data: bytes) -> Parts:
        """Return the answer to `data`, in parts. Raises RequestError.

        A cancelled task takes its request out of the queue, here and at the candidate.
        """
        exchange.begin()
        try:
            made = await (self._ask(exchange, data) if exchange.forwards else self._make(exchange))
        except RequestError as error:
            if exchange.arm is Arm.PREVIEW:
                exchange.forwarded(error)
            else:
                exchange.failed(error)
            raise
        except asyncio.CancelledError:
            exchange.failed(CancelledRequestError())
            raise
        except Exception:
            log.exception("bug: an inference request failed unexpectedly")
            exchange.failed(internal())
            raise internal() from None
        if isinstance(made, Answer):
            exchange.forwarded()
            return list(made.parts)
        exchange.succeeded(made.run, made.encoded)
        return made.parts

    async def _ask(self, exchange: Exchange, data: bytes) -> _Made | Answer:
        """Return the candidate's answer, or this pod's where that has none."""
        request = forwarding.request(exchange.caller.fields, data, exchange.deadline)
        answer = await ask(exchange.traffic, exchange.arm, request, lambda: self._make(exchange), exchange.deadline)
        if not isinstance(answer, Answer):
            return answer.value
        if answer.status != 200:
            raise forwarding.refusal(answer)
        return answer

    async def _make(self, exchange: Exchange) -> _Made:
        request = exchange.decode()
        run = await inference.infer(exchange.loaded, request, exchange.started, exchange.deadline)
        encoding = time.monotonic()
        parts = self.encoder(exchange.loaded).encode(request, run.outputs)
        return _Made(parts, run, time.monotonic() - encoding)

    def encoder(self, loaded: Loaded) -> Encoder:
        """Return what encodes the answers of a model."""
        encoder = self._encoders.get(loaded)
        if encoder is None:
            encoder = self._encoders[loaded] = Encoder(loaded.name, loaded.version)
        return encoder
