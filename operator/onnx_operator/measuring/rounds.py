"""Asks what a rollout's inquiry names, again and again, beside the reconciles: these take the answers as they are."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from onnx_operator.cache import Key
from onnx_operator.decide.times import stamp
from onnx_operator.measure import Answer, Hook, Inquiry, Measure, Number, Opinion, Query, Silence
from onnx_operator.measuring.exchange import NoAnswerError

EVERY = 15.0  # seconds
# A model whose answers nobody has taken for so many seconds is asked about no more.
NOBODY_ASKS = 300.0
# Questions under way at a time, of each kind. Their time-out begins when they do.
QUERIES_AT_ONCE = 32
HOOKS_AT_ONCE = 64

log = logging.getLogger(__name__)


AskQuery = Callable[[str], Awaitable[float]]
"""Gives the number of a PromQL query; NoAnswerError says why there is none."""
AskHook = Callable[[Hook, Mapping[str, str | int], str], Awaitable[Opinion]]
"""Gives the opinion of a webhook, which is told of a rollout, and asked at that time; or NoAnswerError."""


class _Course:
    """What is asked of one rollout, and what was answered."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.inquiry, self.measured = inquiry, dict[str, Measure]()
        self.taken_at = time.monotonic()
        self.task: asyncio.Task[None] | None = None

    def is_of(self, inquiry: Inquiry) -> bool:
        """Whether another look at the rollout asks the same of the same."""
        return _questions(self.inquiry) == _questions(inquiry) and not (self.task and self.task.done())

    def end(self) -> None:
        if self.task:
            self.task.cancel()


class Measuring:
    """Has an answer to each question of a rollout at most ``every`` seconds old, as far as others answer.

    ``wake`` is called with the model's key when an answer is another than before, ``count`` with the kind of each
    question, ``prometheus`` or ``webhook``, and whether it was answered. Only while ``leads()`` anybody is asked.
    """

    def __init__(
        self,
        ask_query: AskQuery,
        ask_hook: AskHook,
        wake: Callable[[Key], None],
        count: Callable[[str, bool], None],
        leads: Callable[[], bool],
        clock: Callable[[], datetime],
        every: float = EVERY,
    ) -> None:
        self._ask_query, self._ask_hook = ask_query, ask_hook
        self._wake, self._count, self._leads, self._clock, self._every = wake, count, leads, clock, every
        self._courses: dict[Key, _Course] = {}
        self._queries, self._hooks = asyncio.Semaphore(QUERIES_AT_ONCE), asyncio.Semaphore(HOOKS_AT_ONCE)

    def answers(self, key: Key, inquiry: Inquiry | None) -> Mapping[str, Measure]:
        """Return what was answered last, by the check's name, and see to it that it goes on being asked.

        None ends it: no rollout of this model is judged. Never waits.
        """
        course = self._courses.get(key)
        if course and (inquiry is None or not course.is_of(inquiry)):
            self.forget(key)
            course = None
        if inquiry is None:
            return {}
        if course is None:
            course = self._courses[key] = _Course(inquiry)
            course.task = asyncio.create_task(self._go_on(key, course))
        course.inquiry, course.taken_at = inquiry, time.monotonic()
        return dict(course.measured)

    def forget(self, key: Key) -> None:
        """End the questions about a model, and forget the answers."""
        if course := self._courses.pop(key, None):
            course.end()

    async def aclose(self) -> None:
        """End all questions."""
        tasks = [course.task for course in self._courses.values() if course.task]
        for key in list(self._courses):
            self.forget(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _go_on(self, key: Key, course: _Course) -> None:
        """Ask all questions side by side, until another replica leads or nobody takes the answers."""
        async with asyncio.TaskGroup() as tasks:
            for query in course.inquiry.queries:
                tasks.create_task(self._repeat(key, course, query.name, self._query(query)))
            for hook in course.inquiry.hooks:
                tasks.create_task(self._repeat(key, course, hook.name, self._hook(course, hook)))

    async def _repeat(self, key: Key, course: _Course, name: str, ask: Callable[[], Awaitable[Answer]]) -> None:
        while self._leads() and time.monotonic() - course.taken_at < NOBODY_ASKS:
            began = time.monotonic()
            answer, known = await ask(), course.measured.get(name)
            course.measured[name] = Measure(answer, known.newest if known else None)
            if known is None or _said(known.newest) != _said(answer):
                self._wake(key)
            await asyncio.sleep(max(0.0, began + self._every - time.monotonic()))

    def _query(self, query: Query) -> Callable[[], Awaitable[Answer]]:
        async def ask(at: str) -> Answer:
            return Number(at, await self._ask_query(query.promql))

        return lambda: self._one("prometheus", self._queries, ask)

    def _hook(self, course: _Course, hook: Hook) -> Callable[[], Awaitable[Answer]]:
        async def ask(at: str) -> Answer:
            return await self._ask_hook(hook, course.inquiry.document, at)

        return lambda: self._one("webhook", self._hooks, ask)

    async def _one(self, kind: str, places: asyncio.Semaphore, ask: Callable[[str], Awaitable[Answer]]) -> Answer:
        async with places:
            at = stamp(self._clock())
            try:
                answer = await ask(at)
            except NoAnswerError as error:
                answer = Silence(at, str(error))
            except Exception as error:
                # What goes wrong here must not end the questions: it would look as if nobody had answered yet.
                log.exception("a bug: a %s was not asked", kind)
                answer = Silence(at, f"the operator failed to ask: {type(error).__name__}.")
        self._count(kind, not isinstance(answer, Silence))
        return answer


def _questions(inquiry: Inquiry) -> tuple[object, ...]:
    return inquiry.course, inquiry.candidate, inquiry.queries, inquiry.hooks


def _said(answer: Answer) -> tuple[object, ...]:
    """Return an answer without its time."""
    match answer:
        case Number(value=value):
            return (value,)
        case Opinion(verdict=verdict, message=message, value=told):
            return verdict, message, told
        case Silence(why=why):
            return (why,)
