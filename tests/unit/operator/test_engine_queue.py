import asyncio
from collections.abc import Awaitable, Callable

import pytest

from onnx_operator.engine.queue import Queue


def run(body: Callable[[Queue[str]], Awaitable[None]], **settings: float) -> None:
    async def main() -> None:
        await body(Queue[str](jitter=lambda: 1.0, **settings))

    asyncio.run(main())


async def takes_nothing(queue: Queue[str], within: float = 0.02) -> bool:
    try:
        await asyncio.wait_for(queue.take(), within)
    except TimeoutError:
        return True
    return False


def test_a_key_that_waits_is_not_added_twice() -> None:
    async def body(queue: Queue[str]) -> None:
        for key in ("a", "b", "a", "a"):
            queue.add(key)
        assert len(queue) == 2
        assert [await queue.take(), await queue.take()] == ["a", "b"]
        assert await takes_nothing(queue)

    run(body)


def test_a_key_is_worked_on_by_one_worker_and_once_more_for_news_meanwhile() -> None:
    async def body(queue: Queue[str]) -> None:
        queue.add("a")
        await queue.take()
        queue.add("a")
        queue.add("a")
        assert await takes_nothing(queue), "it is worked on"
        queue.done("a")
        assert await queue.take() == "a"
        queue.done("a")
        assert await takes_nothing(queue)

    run(body)


def test_no_key_is_ever_active_twice_under_load() -> None:
    async def body(queue: Queue[str]) -> None:
        active: set[str] = set()
        worked = 0

        async def worker() -> None:
            nonlocal worked
            while True:
                key = await queue.take()
                assert key not in active
                active.add(key)
                await asyncio.sleep(0)
                active.discard(key)
                worked += 1
                queue.done(key)

        workers = [asyncio.create_task(worker()) for _ in range(4)]
        for round_ in range(50):
            queue.add(f"k{round_ % 3}")
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert all(not task.done() for task in workers)
        for task in workers:
            task.cancel()
        assert worked >= 3
        assert len(queue) == 0

    run(body)


def test_failures_are_tried_again_later_and_later_until_one_succeeds() -> None:
    async def body(queue: Queue[str]) -> None:
        delays = []
        for _ in range(8):
            queue.add("a")
            await queue.take()
            delays.append(queue.failed("a"))
        assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]
        queue.add("a")
        await queue.take()
        queue.done("a")
        queue.add("a")
        await queue.take()
        assert queue.failed("a") == 0.5

    run(body, base=0.5, most=30.0)


def test_a_failed_key_comes_back_by_itself() -> None:
    async def body(queue: Queue[str]) -> None:
        queue.add("a")
        await queue.take()
        queue.failed("a")
        assert await asyncio.wait_for(queue.take(), 1) == "a"

    run(body, base=0.01)


def test_a_delay_keeps_to_the_bounds_given() -> None:
    async def body(queue: Queue[str]) -> None:
        for bounds, expected in (({"at_least": 7.0}, 7.0), ({"at_most": 0.2}, 0.2), ({"at_most": 99.0}, 2.0)):
            queue.add("a")
            await queue.take()
            assert queue.failed("a", **bounds) == expected

    run(body)


def test_jitter_takes_at_most_half_off() -> None:
    async def main() -> None:
        queue = Queue[str](base=1.0, jitter=lambda: 0.0)
        queue.add("a")
        await queue.take()
        assert queue.failed("a") == 0.5

    asyncio.run(main())


def test_of_two_times_to_look_again_the_earlier_one_wins() -> None:
    async def body(queue: Queue[str]) -> None:
        queue.add_after("a", 0.01)
        queue.add_after("a", 60)
        assert await asyncio.wait_for(queue.take(), 1) == "a"
        queue.done("a")
        queue.add_after("a", 60)
        queue.add_after("a", 0.01)
        assert await asyncio.wait_for(queue.take(), 1) == "a"
        queue.done("a")
        assert await takes_nothing(queue, 0.05), "the later one is gone"

    run(body)


def test_news_end_the_wait() -> None:
    async def body(queue: Queue[str]) -> None:
        queue.add("a")
        await queue.take()
        queue.done("a", again_after=0.03)
        queue.add("a")
        assert await queue.take() == "a"
        queue.done("a")
        assert await takes_nothing(queue, 0.06), "what was to come later came with the news"

    run(body)


@pytest.mark.parametrize("again_after", [None, 0.01])
def test_done_looks_again_only_if_asked(again_after: float | None) -> None:
    async def body(queue: Queue[str]) -> None:
        queue.add("a")
        await queue.take()
        queue.done("a", again_after)
        assert await takes_nothing(queue, 0.05) == (again_after is None)

    run(body)


def test_news_end_the_wait_after_a_failure_but_not_one_that_the_api_server_asked_for() -> None:
    async def body(queue: Queue[str]) -> None:
        for key in ("a", "b"):
            queue.add(key)
            await queue.take()
        queue.failed("a")
        queue.add("b")
        assert queue.failed("b", asked=0.2) == 10.0
        queue.add("a")
        queue.add("b")
        assert await queue.take() == "a"
        assert queue.state("b") == "later"
        assert await takes_nothing(queue)

    run(body, base=10.0)


def test_a_wait_that_the_api_server_asked_for_ends_by_itself_and_news_count_again() -> None:
    async def body(queue: Queue[str]) -> None:
        queue.add("a")
        await queue.take()
        queue.failed("a", asked=0.05)
        queue.add("a")
        assert await takes_nothing(queue)
        assert await queue.take() == "a"
        queue.done("a")
        queue.add("a")
        assert await queue.take() == "a"

    run(body, base=0.01)
