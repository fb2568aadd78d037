"""The scheduler on a real event loop and real threads, with models that do as the test says."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from onnx_server.engine.work import Outcome, Work
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import CancelledRequestError, ExpiredError, OverloadedError
from tests.unit.server.scheduling import SECONDS, Doubling, Gated, Requests, on_a_loop, until


@on_a_loop
async def test_requests_of_one_turn_run_together_and_each_gets_its_own_rows() -> None:
    model = Doubling()
    requests = Requests([model], quick=True)
    one, three, two = requests.submit(1), requests.submit(3, 4, 5), requests.submit(6, 7)
    assert requests.scheduler.pending == 3
    await requests.all_done()
    assert model.ran == [[1, 3, 4, 5, 6, 7]]
    assert [requests.answer(work) for work in (one, three, two)] == [[2], [6, 8, 10], [12, 14]]
    assert (requests.statistics.execution_count, requests.statistics.inference_count) == (1, 6)
    assert requests.scheduler.pending == 0


@on_a_loop
async def test_requests_that_come_turn_after_turn_run_together() -> None:
    for quick in (True, False):
        model = Doubling()
        requests = Requests([model], quick=quick)
        for _ in range(3):  # the first may run alone
            requests.submit(0)
        await requests.all_done()
        requests.submit(1)
        requests.submit(2)
        for value in (3, 4, 5):
            await asyncio.sleep(0)
            requests.submit(value)
        await requests.all_done()
        assert model.ran[-1] == [1, 2, 3, 4, 5], quick


@on_a_loop
async def test_a_whole_batch_waits_for_no_turn_without_requests() -> None:
    model = Doubling()
    requests = Requests([model], quick=True, maxBatchSize=4)
    for value in (1, 2, 3, 4):
        requests.submit(value)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert model.ran == [[1, 2, 3, 4]]
    await requests.all_done()


@on_a_loop
async def test_a_quick_model_runs_on_the_loop_and_one_that_became_slow_on_a_thread() -> None:
    model = Doubling()
    requests = Requests([model], quick=True)
    here = threading.current_thread()

    async def runs_here() -> bool:
        requests.submit(1)
        await requests.all_done()
        return model.threads[-1] is here

    # A machine that is busy with something else may have made a run slow: some tries.
    assert any([await runs_here() for _ in range(50)])
    model.seconds = 0.05
    await runs_here()
    assert not await runs_here()


@on_a_loop
async def test_what_is_quick_is_as_the_model_was_found_to_behave() -> None:
    model = Doubling()
    for inline_seconds in (200e-6, 2e-3):
        requests = Requests([model], quick=True, expected=1e-3, inline_seconds=inline_seconds)
        requests.submit(1)
        await requests.all_done()
    here = threading.current_thread()
    assert [thread is here for thread in model.threads] == [False, True]


@on_a_loop
async def test_a_request_that_comes_alone_waits_for_no_others() -> None:
    model = Gated()
    requests = Requests([model])
    requests.submit(1)
    # Without a turn of the event loop.
    assert model.entered.wait(SECONDS)
    model.gate.set()
    await requests.all_done()


@on_a_loop
async def test_quick_requests_that_come_one_by_one_run_at_once_and_those_of_one_turn_together() -> None:
    model = Doubling()
    requests = Requests([model], quick=True, inline_seconds=SECONDS)
    for value in (1, 2, 3):
        before = len(model.ran)
        requests.submit(value)
        assert len(model.ran) == (before if value == 1 else before + 1)  # the first cannot tell
        await requests.all_done()
        await asyncio.sleep(0)
    for value in (4, 5, 6):
        requests.submit(value)
    await requests.all_done()
    for value in (7, 8):
        requests.submit(value)
    await requests.all_done()
    assert model.ran == [[1], [2], [3], [4], [5, 6], [7, 8]]


@on_a_loop
async def test_quick_runs_leave_turns_to_others() -> None:
    model = Doubling(seconds=150e-6)
    requests = Requests([model], quick=True, batched=False)
    for value in range(60):
        requests.submit(value)
    turns = 0
    while requests.scheduler.pending:
        await asyncio.sleep(0)
        turns += 1
    # 60 runs take 9 ms at least, and a turn ends after one.
    assert turns >= 6


@on_a_loop
async def test_the_loop_goes_on_while_a_model_runs_on_its_thread() -> None:
    model = Gated()
    requests = Requests([model])
    work = requests.submit(1)
    await until(model.entered.is_set)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not requests.outcomes[work]
    model.gate.set()
    await requests.all_done()
    assert requests.answer(work) == [2]


@on_a_loop
async def test_what_comes_while_the_model_runs_is_the_next_batch() -> None:
    model = Gated()
    requests = Requests([model])
    requests.submit(1)
    await until(model.entered.is_set)
    for value in (2, 3, 4):
        requests.submit(value)
    assert (requests.scheduler.pending, requests.scheduler.waiting) == (4, 3)
    model.gate.set()
    await requests.all_done()
    assert model.ran == [[1], [2, 3, 4]]


@on_a_loop
async def test_other_shapes_and_other_outputs_are_other_batches() -> None:
    model = Doubling()
    requests = Requests([model], quick=True)
    requests.submit(1, columns=2)
    requests.submit(2, columns=3)
    requests.submit(3, columns=2)
    requests.submit(4, columns=2, outputs=("y", "z"))
    await requests.all_done()
    assert sorted(model.ran) == [[1, 3], [2], [4]]


@on_a_loop
async def test_inputs_of_unequal_rows_run_alone() -> None:
    class Adding(Doubling):
        def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
            return super().run({"x": inputs["a"] + inputs["b"]}, outputs)

    model = Adding()
    requests = Requests([model], quick=True)
    two, one = np.ones((2, 1), dtype=np.float32), np.ones((1, 1), dtype=np.float32)
    for a, b in ((two, one), (one, two), (two, two), (two, two)):
        outcomes: list[Outcome] = []
        work = Work(inputs={"a": a, "b": b}, outputs=("y",), rows=2, done=outcomes.append)
        requests.scheduler.submit(work)
        requests.outcomes[work] = outcomes
    await requests.all_done()
    assert sorted(len(rows) for rows in model.ran) == [2, 2, 4]


@on_a_loop
async def test_without_proof_each_request_runs_alone() -> None:
    model = Doubling()
    requests = Requests([model], quick=True, batched=False)
    for value in (1, 2, 3):
        requests.submit(value)
    await requests.all_done()
    assert model.ran == [[1], [2], [3]]


@on_a_loop
async def test_one_poisoned_request_fails_alone() -> None:
    model = Doubling()
    requests = Requests([model], quick=True)
    good, bad, other = requests.submit(1, 2), requests.submit(-1), requests.submit(3)
    await requests.all_done()
    assert model.ran == [[1, 2, -1, 3], [1, 2], [-1], [3]]
    assert requests.answer(good) == [2, 4]
    assert requests.answer(other) == [6]
    assert requests.error(bad).status == 400
    # Rows that were answered, in two runs: the batch that failed gave none.
    assert (requests.statistics.execution_count, requests.statistics.inference_count) == (2, 3)


@on_a_loop
async def test_a_model_that_gives_too_few_rows_in_a_batch_answers_each_alone() -> None:
    class Last(Doubling):
        def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
            return [output[-1:] for output in super().run(inputs, outputs)]

    requests = Requests([Last()], quick=True)
    one, two = requests.submit(1), requests.submit(2)
    await requests.all_done()
    assert (requests.answer(one), requests.answer(two)) == ([2], [4])


@on_a_loop
async def test_an_unexpected_failure_is_an_answer_and_the_thread_lives_on() -> None:
    class Broken(Doubling):
        def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
            if inputs["x"][0, 0] == 7:
                raise MemoryError
            return super().run(inputs, outputs)

    requests = Requests([Broken()])
    bad = requests.submit(7)
    await requests.all_done()
    assert requests.error(bad).status == 500
    good = requests.submit(1)
    await requests.all_done()
    assert requests.answer(good) == [2]


@on_a_loop
async def test_a_listener_that_raises_does_not_hurt_the_others_of_its_batch() -> None:
    requests = Requests([Doubling()], quick=True)

    def raising(_outcome: Outcome) -> None:
        raise RuntimeError

    requests.scheduler.submit(Work(inputs={"x": np.ones((1, 1))}, outputs=("y",), rows=1, done=raising))
    other = requests.submit(3)
    await requests.all_done()
    assert requests.answer(other) == [6]


@on_a_loop
async def test_cancelled_work_that_waits_never_runs_and_its_tensors_go_at_once() -> None:
    model = Gated()
    requests = Requests([model])
    requests.submit(1)
    await until(model.entered.is_set)
    work = requests.submit(2)
    tensor = weakref.ref(work.inputs["x"])
    requests.scheduler.cancel(work)
    assert isinstance(requests.outcome(work), CancelledRequestError)
    gc.collect()
    assert tensor() is None
    assert requests.scheduler.pending == 1
    model.gate.set()
    await until(lambda: not requests.scheduler.pending)
    requests.scheduler.cancel(work)
    assert model.ran == [[1]]
    assert len(requests.outcomes[work]) == 1


@on_a_loop
async def test_cancelled_work_that_runs_is_not_interrupted_and_its_result_is_dropped() -> None:
    model = Gated()
    requests = Requests([model])
    work = requests.submit(1)
    await until(model.entered.is_set)
    requests.scheduler.cancel(work)
    assert isinstance(requests.outcome(work), CancelledRequestError)
    assert requests.scheduler.pending == 1
    model.gate.set()
    await until(lambda: not requests.scheduler.pending)
    assert len(requests.outcomes[work]) == 1
    assert requests.statistics.execution_count == 1


@on_a_loop
async def test_work_past_its_deadline_is_told_while_the_model_still_runs_and_never_runs() -> None:
    model = Gated()
    requests = Requests([model])
    requests.submit(1)
    await until(model.entered.is_set)
    late = requests.submit(2, deadline=time.monotonic() + 0.05)
    in_time = requests.submit(3, deadline=time.monotonic() + SECONDS)
    await until(lambda: requests.outcomes[late])
    assert isinstance(requests.outcome(late), ExpiredError)
    assert requests.error(late).status == 504
    model.gate.set()
    await requests.all_done()
    assert model.ran == [[1], [3]]
    assert requests.answer(in_time) == [6]


@on_a_loop
async def test_work_that_comes_too_late_never_runs() -> None:
    model = Doubling()
    requests = Requests([model], quick=True)
    late = requests.submit(1, deadline=time.monotonic() - 1)
    await requests.all_done()
    assert isinstance(requests.outcome(late), ExpiredError)
    assert model.ran == []


@on_a_loop
async def test_a_full_queue_refuses_but_for_what_is_more_urgent() -> None:
    model = Gated()
    requests = Requests([model], queue={"size": 2})
    running = requests.submit(1)
    await until(model.entered.is_set)
    first, second = requests.submit(2), requests.submit(3)
    with pytest.raises(OverloadedError):
        requests.submit(4)
    urgent = requests.submit(5, priority=1)
    assert isinstance(requests.outcome(second), OverloadedError)
    model.gate.set()
    await requests.all_done()
    assert model.ran == [[1], [5, 2]]
    assert [requests.answer(work) for work in (running, first, urgent)] == [[2], [4], [10]]


@on_a_loop
async def test_the_expired_make_room() -> None:
    model = Gated()
    requests = Requests([model], queue={"size": 1})
    requests.submit(1)
    await until(model.entered.is_set)
    late = requests.submit(2, deadline=time.monotonic() + 0.001)
    # Not a turn of the loop in between: its timer did not tell the deadline yet.
    time.sleep(0.01)  # noqa: ASYNC251
    requests.submit(3)
    assert isinstance(requests.outcome(late), ExpiredError)
    model.gate.set()
    await requests.all_done()
    assert model.ran == [[1], [3]]


@on_a_loop
async def test_as_many_as_there_are_free_instances_are_over_the_queues_size() -> None:
    requests = Requests([Doubling(), Doubling()], batched=False, queue={"size": 1})
    for value in (1, 2, 3):
        requests.submit(value)
    with pytest.raises(OverloadedError):
        requests.submit(4)
    await requests.all_done()


@on_a_loop
async def test_instances_run_at_once() -> None:
    both = threading.Barrier(2, timeout=SECONDS)

    class Meeting(Doubling):
        def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
            both.wait()
            return super().run(inputs, outputs)

    requests = Requests([Meeting(), Meeting()], batched=False)
    works = [requests.submit(value) for value in (1, 2)]
    await requests.all_done()
    assert [requests.answer(work) for work in works] == [[2], [4]]


@on_a_loop
async def test_a_delay_waits_for_a_whole_batch_and_no_longer() -> None:
    model = Doubling()
    requests = Requests([model], quick=True, maxBatchSize=2, batching={"maxDelayMicroseconds": 1_000_000})
    requests.submit(1)
    await asyncio.sleep(0.02)
    assert model.ran == []
    requests.submit(2)
    await requests.all_done()
    assert model.ran == [[1, 2]]
    alone = Requests([model], quick=True, batching={"maxDelayMicroseconds": 5_000})
    alone.submit(3)
    await alone.all_done()
    assert model.ran == [[1, 2], [3]]


@on_a_loop
async def test_closing_ends_the_threads_once_all_is_done() -> None:
    model = Gated()
    requests = Requests([model])
    requests.submit(1)
    await until(model.entered.is_set)
    work = requests.submit(2)
    requests.scheduler.close()
    model.gate.set()
    await requests.all_done()
    assert requests.answer(work) == [4]
    (thread,) = set(model.threads)
    await until(lambda: not thread.is_alive())
