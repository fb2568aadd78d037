"""From a request's message to the engine and back: the one way that all forms of ModelInfer take."""

import asyncio
import logging
import time
from weakref import WeakKeyDictionary

from onnx_server import inference
from onnx_server.grpc.encode import Encoder, Parts
from onnx_server.grpc.exchange import Exchange
from onnx_server.models.loaded import Loaded
from onnx_server.protocol.errors import CancelledRequestError, RequestError, internal

log = logging.getLogger(__name__)


class Answers:
    """Answers requests from the models that are loaded here."""

    def __init__(self) -> None:
        # A model that was unloaded is not held by its encoder.
        self._encoders: WeakKeyDictionary[Loaded, Encoder] = WeakKeyDictionary()

    async def answer(self, exchange: Exchange) -> Parts:
        """Return the answer, in parts. Raises RequestError. A cancelled task takes its request out of the queue."""
        loaded = exchange.loaded
        exchange.begin()
        try:
            request = exchange.decode()
            run = await inference.infer(loaded, request, exchange.started, exchange.deadline)
            encoding = time.monotonic()
            parts = self.encoder(loaded).encode(request, run.outputs)
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

    def encoder(self, loaded: Loaded) -> Encoder:
        """Return what encodes the answers of a model."""
        encoder = self._encoders.get(loaded)
        if encoder is None:
            encoder = self._encoders[loaded] = Encoder(loaded.name, loaded.version)
        return encoder
