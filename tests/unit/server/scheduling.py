"""A scheduler under test: models that do as the test says, requests, and what came of each."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from onnx_server.engine.batchability import Batchability
from onnx_server.engine.behaviour import Behaviour
from onnx_server.engine.model import Runs
from onnx_server.engine.run_times import RunTimes
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.work import Outcome, Run, Work
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import ModelFailedError, RequestError
from onnx_server.settings.model import ModelSettings

SECONDS = 30


class Doubling:
    """y = 2x, row by row; refuses negative values. Says which rows it ran, and on which thread."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.ran: list[list[float]] = []
        self.threads: list[threading.Thread] = []

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        x = inputs["x"]
        self.ran.append(x.reshape(len(x), -1)[:, 0].tolist())
        self.threads.append(threading.current_thread())
        if self.seconds:
            time.sleep(self.seconds)
        if (x < 0).any():
            raise ModelFailedError("a negative value", of_input=True)
        return [2 * x for _ in outputs]


class Gated(Doubling):
    """The same, once the gate is open; `entered` is set while a run waits before it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        self.entered.set()
        assert self.gate.wait(SECONDS)
        return super().run(inputs, outputs)


class Requests:
    """Requests to a scheduler, and what came of each."""

    def __init__(
        self,
        models: Sequence[Runs],
        *,
        batched: bool = True,
        quick: bool = False,
        expected: float = 10e-6,
        inline_seconds: float = 200e-6,
        **settings: Any,
    ) -> None:
        run_times = RunTimes()
        run_times.learn(1, expected)
        behaviour = Behaviour(Batchability(batched, ""), run_times, steady=quick, inline_seconds=inline_seconds)
        self.statistics = ModelStatistics()
        self.scheduler = Scheduler("m", models, ModelSettings.model_validate(settings), self.statistics, behaviour)
        self.outcomes: dict[Work, list[Outcome]] = {}

    def submit(self, *values: float, columns: int = 1, outputs: tuple[str, ...] = ("y",), **fields: Any) -> Work:
        x = np.repeat(np.array(values, dtype=np.float32)[:, None], columns, axis=1)
        outcomes: list[Outcome] = []
        work = Work(inputs={"x": x}, outputs=outputs, rows=len(values), done=outcomes.append, **fields)
        self.scheduler.submit(work)
        self.outcomes[work] = outcomes
        return work

    def outcome(self, work: Work) -> Outcome:
        (outcome,) = self.outcomes[work]
        return outcome

    def answer(self, work: Work) -> list[float]:
        outcome = self.outcome(work)
        assert isinstance(outcome, Run), outcome
        values: list[float] = outcome.outputs[0][:, 0].tolist()
        return values

    def error(self, work: Work) -> RequestError:
        outcome = self.outcome(work)
        assert isinstance(outcome, RequestError)
        return outcome

    async def all_done(self) -> None:
        await until(lambda: all(self.outcomes.values()))


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not true():  # noqa: ASYNC110  it waits for what threads do, too
            await asyncio.sleep(0.001)


def on_a_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    async def main() -> None:
        await test()

    def run() -> None:
        asyncio.run(main())

    run.__name__ = test.__name__
    return run
