"""Asking a candidate for an answer that no client waits for."""

import asyncio
from typing import Literal

from onnx_server.traffic.candidate import Candidate
from onnx_server.traffic.message import Answer, Request

ANSWER_SECONDS = 10.0
"""After which a copy has failed."""

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


async def ask(candidate: Candidate, request: Request, seconds: float = ANSWER_SECONDS) -> Answer | Unanswered:
    """Return the candidate's answer, of whatever status, or why there is none."""
    reply = _Reply()
    asked = candidate.ask(request, reply)
    try:
        async with asyncio.timeout(seconds):
            return await reply.future
    except TimeoutError:
        return "late"
    finally:
        asked.cancel()
