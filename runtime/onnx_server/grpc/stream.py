"""ModelStreamInfer: requests of one stream, each answered on its own, in their order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from onnx_server.grpc.encode import Parts, length_delimited
from onnx_server.grpc.exchange import Exchange
from onnx_server.grpc.messages import message
from onnx_server.http2.call import Call
from onnx_server.http2.status import StatusCode, StatusError
from onnx_server.protocol.errors import RequestError
from onnx_server.state import State

_ModelInferResponse = message("inference.ModelInferResponse")
_ModelStreamInferResponse = message("inference.ModelStreamInferResponse")
_INFER_RESPONSE = _ModelStreamInferResponse.INFER_RESPONSE_FIELD_NUMBER

Answer = Callable[[Exchange, bytes], Awaitable[Parts]]


def _final() -> bytes:
    response = _ModelInferResponse()
    response.parameters["triton_final_response"].bool_param = True
    return bytes(response.SerializeToString())


# By this clients of streams know that a request has no more answers.
_FINAL = _final()
STREAM_IN_FLIGHT = 64
"""Requests of one stream that are answered at once; more are read once the first of these is answered."""
QUIET_SECONDS = 0.25
"""For the next request to come while the connection is to end; whoever waits for longer is taken to pause."""
PAUSE_SECONDS = 1.0
"""For the client to wait for an answer, or pause, while the connection is to end; then no more is read."""


class Stream:
    """One ModelStreamInfer. An error is one request's answer.

    When the connection is to end, a stream shall end where nothing is under way. A client that waits for each answer
    before it sends the next request gets OK together with an answer, when nothing can be on its way; one that pauses,
    in the pause. One that always has requests under way is not waited for: what came is answered, and UNAVAILABLE
    says that there may be more.
    """

    def __init__(self, state: State, call: Call, answer: Answer) -> None:
        self._state = state
        self._call = call
        self._answer = answer
        self._answers: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(STREAM_IN_FLIGHT)
        self._under_way = 0
        self._timers: list[asyncio.TimerHandle] = []
        self._paused = False

    async def run(self) -> None:
        """Answer until the client has said all, or pauses while the connection is to end. Raises StatusError else."""
        self._call.holds, self._call.on_drain = True, self._drain
        if self._call.draining:  # since the call came, a turn of the loop ago
            self._drain()
        reader = asyncio.ensure_future(self._read())
        answer: asyncio.Task[bytes] | None = None
        try:
            while True:
                answer = await self._answers.get()
                if answer is not None:
                    await self._call.send(await answer)
                    self._room.release()
                    self._under_way -= 1
                    if self._timers and self._idle:
                        return  # in one turn of the loop, so in one write, with the answer
                elif not self._paused:
                    break
                elif self._idle:
                    return
                else:
                    self._paused = False
            await reader
        finally:
            for timer in self._timers:
                timer.cancel()
            reader.cancel()
            if answer is not None:
                answer.cancel()
            while not self._answers.empty():
                if left := self._answers.get_nowait():
                    left.cancel()
        if not self._call.ended:
            # OK would say that all was answered, and the client may have sent more by now.
            raise StatusError(StatusCode.UNAVAILABLE, "the connection ends: go on with a new stream")

    @property
    def _idle(self) -> bool:
        return not self._under_way and not self._call.pending

    def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(QUIET_SECONDS, self._end_if_quiet),
            loop.call_later(PAUSE_SECONDS, self._call.let_go),
        ]

    def _end_if_quiet(self) -> None:
        """End in a pause. If there is none, a request has come, and its answer will be the end."""
        if self._idle and not self._paused:
            self._paused = True
            self._answers.put_nowait(None)

    async def _read(self) -> None:
        try:
            async for data in self._call:
                self._under_way += 1
                await self._room.acquire()
                self._answers.put_nowait(asyncio.ensure_future(self._answered(data)))
        finally:
            self._answers.put_nowait(None)

    async def _answered(self, data: bytes) -> bytes:
        exchange: Exchange | None = None
        try:
            exchange = Exchange(self._state, self._call, data)
            answer = b"".join(await self._answer(exchange, data)) + _FINAL
        except RequestError as error:
            return _failed(error, exchange)
        return length_delimited(_INFER_RESPONSE, len(answer)) + answer


def _failed(error: RequestError, exchange: Exchange | None) -> bytes:
    failed: Any = _ModelStreamInferResponse(error_message=error.message)
    if exchange is not None:
        # So that the client knows which of its requests failed.
        failed.infer_response.id = exchange.message.id
    return bytes(failed.SerializeToString())
