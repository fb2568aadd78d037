"""Asking again and again beside the reconciles: who is asked when, and what is forgotten when."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.measure import Hook, Inquiry, Measure, Number, Opinion, Query, Silence
from onnx_operator.measuring import rounds
from onnx_operator.measuring.exchange import NoAnswerError
from onnx_operator.measuring.rounds import Measuring
from tests.unit.operator.situations import NOW

Object = dict[str, Any]

KEY = ("team", "digits")
EVERY = 0.02
AT = "2026-11-01T12:00:00.000000Z"
ASKED = Inquiry("c1", "digits-2", (Query("clicks", "sum(clicks)"),), (Hook("mine", "http://h/", 5),), {"step": 1})


class Others:
    """Who is asked, with what was asked, and what they answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.documents: list[Mapping[str, str | int]] = []
        self.number: float | Exception = 0.5
        self.verdict: Any = "Pass"
        self.slow = asyncio.Event()
        self.slow.set()

    async def query(self, promql: str) -> float:
        self.asked.append(promql)
        if isinstance(self.number, Exception):
            raise self.number
        return self.number

    async def hook(self, hook: Hook, document: Mapping[str, str | int], at: str) -> Opinion:
        self.asked.append(hook.name)
        self.documents.append(document)
        await self.slow.wait()
        return Opinion(at, self.verdict)


class Scene:
    """What runs, whom it has woken, and what it has counted."""

    def __init__(self, others: Others) -> None:
        self.woken: list[tuple[str, str]] = []
        self.counted: list[tuple[str, bool]] = []
        self.leads = True
        self.measuring = Measuring(
            others.query,
            others.hook,
            self.woken.append,
            lambda kind, answered: self.counted.append((kind, answered)),
            lambda: self.leads,
            lambda: NOW,
            EVERY,
        )

    def answers(self, inquiry: Inquiry | None = ASKED) -> Mapping[str, Measure]:
        return self.measuring.answers(KEY, inquiry)


def played(play: Callable[[Others, Scene], Awaitable[None]]) -> None:
    async def main() -> None:
        others = Others()
        scene = Scene(others)
        try:
            await asyncio.wait_for(play(others, scene), 10)
        finally:
            await scene.measuring.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  (what it waits for is not told)
        await asyncio.sleep(0.001)


def test_the_first_look_has_no_answer_and_does_not_wait() -> None:
    async def play(others: Others, scene: Scene) -> None:
        assert scene.answers() == {}
        await until(lambda: len(scene.answers()) == 2)
        assert scene.answers() == {
            "clicks": Measure(Number(AT, 0.5), scene.answers()["clicks"].before),
            "mine": Measure(Opinion(AT, "Pass"), scene.answers()["mine"].before),
        }

    played(play)


def test_each_answer_has_the_one_before_it() -> None:
    async def play(others: Others, scene: Scene) -> None:
        scene.answers()
        await until(lambda: len(others.asked) >= 2)
        others.number = 0.7
        await until(lambda: scene.answers()["clicks"].newest == Number(AT, 0.7))
        assert scene.answers()["clicks"].before in {Number(AT, 0.5), Number(AT, 0.7)}
        await until(lambda: scene.answers()["clicks"].before == Number(AT, 0.7))

    played(play)


def test_it_is_woken_when_an_answer_is_another_and_not_when_it_is_the_same() -> None:
    async def play(others: Others, scene: Scene) -> None:
        scene.answers()
        await until(lambda: len(scene.counted) >= 8)
        assert scene.woken == [KEY, KEY], "the first answer of each"
        others.verdict = "Fail"
        await until(lambda: len(scene.woken) == 3)
        assert scene.answers()["mine"].newest == Opinion(AT, "Fail")

    played(play)


def test_one_that_hangs_keeps_no_other_from_being_asked() -> None:
    async def play(others: Others, scene: Scene) -> None:
        others.slow.clear()
        scene.answers()
        await until(lambda: others.asked.count("sum(clicks)") >= 4)
        assert others.asked.count("mine") == 1
        assert set(scene.answers()) == {"clicks"}

    played(play)


def test_webhooks_are_told_how_far_the_rollout_is_now() -> None:
    async def play(others: Others, scene: Scene) -> None:
        scene.answers()
        await until(lambda: len(others.documents) >= 1)
        assert scene.answers(replace(ASKED, document={"step": 2}))["mine"].newest == Opinion(AT, "Pass")
        await until(lambda: others.documents[-1] == {"step": 2})

    played(play)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NoAnswerError("it answered 500."), "it answered 500."),
        (RuntimeError("boom"), "the operator failed to ask: RuntimeError."),
    ],
)
def test_who_does_not_answer_is_asked_again(error: Exception, why: str) -> None:
    async def play(others: Others, scene: Scene) -> None:
        others.number = error
        scene.answers()
        await until(lambda: others.asked.count("sum(clicks)") >= 2)
        assert scene.answers()["clicks"].newest == Silence(AT, why)
        assert ("prometheus", False) in scene.counted
        assert ("prometheus", True) not in scene.counted
        others.number = 0.5
        await until(lambda: scene.answers()["clicks"].newest == Number(AT, 0.5))

    played(play)


@pytest.mark.parametrize("ends", ["over", "gone", "no leader"])
def test_when_the_rollout_ends_nobody_is_asked_and_nothing_is_known(ends: str) -> None:
    async def play(others: Others, scene: Scene) -> None:
        scene.answers()
        await until(lambda: len(scene.answers()) == 2)
        if ends == "over":
            assert scene.answers(None) == {}
        elif ends == "gone":
            scene.measuring.forget(KEY)
        else:
            scene.leads = False
        await asyncio.sleep(3 * EVERY)
        asked = len(others.asked)
        await asyncio.sleep(5 * EVERY)
        assert len(others.asked) == asked
        scene.leads = True
        assert scene.answers() == {}, "what was answered then says nothing of now"
        await until(lambda: len(others.asked) > asked)

    played(play)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, course="c2"),
        replace(ASKED, candidate="digits-3"),
        replace(ASKED, queries=(Query("clicks", "other"),)),
    ],
)
def test_answers_about_another_rollout_are_forgotten(other: Inquiry) -> None:
    async def play(others: Others, scene: Scene) -> None:
        scene.answers()
        await until(lambda: len(scene.answers()) == 2)
        assert scene.answers(other) == {}
        await until(lambda: len(scene.answers(other)) == 2)

    played(play)


def test_answers_that_nobody_takes_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "NOBODY_ASKS", 0.1)

    async def play(others: Others, scene: Scene) -> None:
        scene.answers()
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > 0.2)
        asked = len(others.asked)
        await asyncio.sleep(5 * EVERY)
        assert len(others.asked) == asked > 2

    played(play)


def test_not_more_than_so_many_are_asked_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "HOOKS_AT_ONCE", 3)
    hooks = tuple(Hook(f"h{n}", "http://h/", 5) for n in range(10))

    async def play(others: Others, scene: Scene) -> None:
        others.slow.clear()
        scene.answers(replace(ASKED, hooks=hooks))
        await until(lambda: others.asked.count("sum(clicks)") >= 3)
        assert len(others.documents) == 3
        others.slow.set()
        await until(lambda: len(scene.answers(replace(ASKED, hooks=hooks))) == 11)

    played(play)
