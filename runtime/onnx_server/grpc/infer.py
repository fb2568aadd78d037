"""ModelInfer and ModelStreamInfer: over gRPC, and the first of them over the Connect protocol."""

import asyncio
from collections.abc import Sequence

from onnx_server.grpc.answers import Answers
from onnx_server.grpc.encode import Parts
from onnx_server.grpc.exchange import Caller, Exchange
from onnx_server.grpc.pending import Pending
from onnx_server.grpc.status import code_of
from onnx_server.grpc.stream import Stream
from onnx_server.http2.call import Call
from onnx_server.http2.status import StatusError
from onnx_server.protocol.errors import RequestError
from onnx_server.state import State
from onnx_server.traffic.message import FORWARDED, RAN


class InferMethods:
    """Answers inference requests; the errors are those of REST."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._answers = Answers()

    def infer(self, call: Call, data: bytes) -> None:
        """Answer one ModelInfer."""
        try:
            exchange = Exchange(self._state, call, data)
        except RequestError as error:
            call.fail(code_of(error), error.message)
            return
        if exchange.forwards or exchange.loaded.preparation is not None or self._state.observer is not None:
            cancelled_with(call, asyncio.ensure_future(self._infer_unusual(call, exchange, data)))
            return
        Pending(call, exchange, self._answers.encoder(exchange.loaded)).submit()

    async def _infer_unusual(self, call: Call, exchange: Exchange, data: bytes) -> None:
        """Answer a request that waits for more than the engine, or that somebody wants to hear of."""
        try:
            # A model is found and its request counted in one turn of the loop: between them it could be unloaded.
            exchange.find(self._state.registry)
            call.finish(await self._answers.answer(exchange, data))
        except RequestError as error:
            call.fail(code_of(error), error.message)

    async def stream(self, call: Call) -> None:
        """Answer a ModelStreamInfer."""
        await Stream(self._state, call, self._answers.answer).run()

    async def connect(self, caller: Caller, data: bytes) -> tuple[Parts, Sequence[tuple[bytes, bytes]]]:
        """Return the answer of a ModelInfer that came over the Connect protocol, in parts, and headers for it.

        Raises StatusError.
        """
        succeeded, forwarded = False, any(name == FORWARDED for name, _ in caller.fields)
        try:
            exchange = Exchange(self._state, caller, data)
            exchange.tells = forwarded
            parts = await self._answers.answer(exchange, data)
            succeeded = True
        except RequestError as error:
            raise StatusError(code_of(error), error.message) from None
        finally:
            if forwarded:
                self._state.traffic.arrived(succeeded=succeeded)
        return parts, [] if exchange.ran is None else [(RAN, exchange.ran.header())]


def cancelled_with(call: Call, task: "asyncio.Future[None]") -> None:
    """Cancel `task` if the client leaves `call`, or its deadline passes."""

    def cancel() -> None:
        task.cancel()

    call.on_cancel = cancel
