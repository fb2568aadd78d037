"""Asking a candidate for an answer that no client waits for."""

import asyncio
from typing import Literal

from onnx_server.traffic.candidate import Candidate
from onnx_server.traffic.message import Answer, Request

HELD_UP_SECONDS = 0.05
"""If a timer is so late, this process did not run, and the answer may have been there for long."""
AGAIN_SECONDS = 1.0
"""To read it then."""

Unanswered = Literal["refused", "reset", "late"]


class _Reply:
    """Hears the answer."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Answer | Unanswered] = asyncio.get_running_loop().create_future()

    def answered(self, answer: Answer) -> None:
        self._set(answer)

    def failed(self, failure: Literal["refused", "reset"]) -> None:
        self._set(failure)

    def _set(self, value: Answer | Unanswered) -> None:
        if not self.future.done():
            self.future.set_result(value)


async def ask(candidate: Candidate, request: Request, seconds: float) -> Answer | Unanswered:
    """Return the candidate's answer, of whatever status, or why there is none after so many seconds."""
    reply = _Reply()
    asked = candidate.ask(request, reply)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    try:
        while True:
            done, _ = await asyncio.wait({reply.future}, timeout=max(0.0, end - loop.time()))
            if done:
                return reply.future.result()
            if loop.time() < end + HELD_UP_SECONDS:
                return "late"
            end = loop.time() + AGAIN_SECONDS
    finally:
        asked.cancel()
