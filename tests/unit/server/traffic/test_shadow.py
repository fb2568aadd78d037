"""Copies, whose candidate is a real socket, of what a real scheduler ran: what is kept, counted, and let go.

The mirror is in this process; tests/contract has it in its own.
"""

import asyncio
import gc
import random
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from onnx_server.engine.batchability import Batchability
from onnx_server.engine.behaviour import Behaviour
from onnx_server.engine.run_times import RunTimes
from onnx_server.engine.scheduler import Scheduler
from onnx_server.engine.statistics import ModelStatistics
from onnx_server.engine.work import Run
from onnx_server.protocol import response
from onnx_server.protocol.datatypes import BY_NAME, Tensor
from onnx_server.protocol.errors import RequestError
from onnx_server.protocol.request import InferRequest
from onnx_server.protocol.requested_outputs import RequestedOutput
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.settings.model import ModelSettings
from onnx_server.traffic import copies
from onnx_server.traffic.copies import LARGE_BYTES
from onnx_server.traffic.mirror.copier import Copier
from onnx_server.traffic.replay import Replay
from onnx_server.traffic.split import Address, Shadowing, Split
from onnx_server.traffic.traffic import Traffic
from tests.contract.scripted_pod import ScriptedPod, scripted_pod
from tests.unit.server.comparison.copies import twice
from tests.unit.server.scheduling import Doubling, Gated, until

X = TensorSpec("x", BY_NAME["FP32"], (-1, 1))
Y = TensorSpec("y", BY_NAME["FP32"], (-1, 1))
OUTPUTS = (RequestedOutput(Y, binary=True),)


@dataclass
class Golden:
    inputs: dict[str, Tensor]


@dataclass
class FakeModel:
    """y = 2x, in a scheduler of its own."""

    runs: Any = field(default_factory=Doubling)
    golden: list[Golden] = field(default_factory=list)
    name: str = "digits"
    signature: Signature = field(default_factory=lambda: Signature((X,), (Y,)))
    preparation: None = None

    def __post_init__(self) -> None:
        behaviour = Behaviour(Batchability(False, ""), RunTimes(), steady=True)
        self.scheduler = Scheduler("m", [self.runs], ModelSettings(), ModelStatistics(), behaviour)


def answer(pod: ScriptedPod, value: float) -> None:
    """Let the pod answer y = `value`."""
    asked = InferRequest(None, {}, OUTPUTS, 1)
    encoded = response.encode(asked, [np.array([[value]], np.float32)], "digits", "v2")
    pod.body = b"".join(encoded.parts)
    pod.headers = {copies.LENGTH.decode(): str(encoded.header_length)}


def play(story: Callable[[Traffic, FakeModel, ScriptedPod], Coroutine[Any, Any, None]], **more: Any) -> None:
    """Run a story of a pod whose requests are all copied."""

    async def main(pod: ScriptedPod) -> None:
        model = FakeModel()
        traffic = Traffic("digits-v1", random.Random(0), model=lambda: model, mirror=Copier(b"digits-v1"))
        settings = Shadowing(**{"percent": 100, "max_in_flight": 64} | more)
        target = (Address("one", "127.0.0.1", pod.port),)
        traffic.apply(Split(1, "digits-v2", 0, target, course="c", shadow=settings))
        await story(traffic, model, pod)
        traffic.close()
        model.scheduler.close()
        await asyncio.sleep(0.01)

    with scripted_pod() as pod:
        answer(pod, 2.0)
        asyncio.run(main(pod))


def offer(traffic: Traffic, model: FakeModel, x: float = 1.0, output: Tensor | None = None) -> None:
    """Offer a request that was answered with 2x."""
    inputs = {"x": np.array([[x]], np.float32)}
    y = np.array([[2 * x]], np.float32) if output is None else output
    request = InferRequest(None, inputs, OUTPUTS, 1)
    copy(traffic, model, request, Run([y], 0.0, 1e-3, 1, 1, lead=True), 2e-3)


def copy(
    traffic: Traffic, model: FakeModel, request: InferRequest, run: Run, seconds: float, other_form: float = 0.0
) -> None:
    """Do as a transport does that has answered a request."""
    shadow = traffic.shadow
    assert shadow is not None
    if shadow.takes(time.monotonic()):
        shadow.copy(model, request, run, seconds, other_form)


def shadow_of(traffic: Traffic) -> Any:
    return traffic.describe()["shadow"]


def evidence_of(traffic: Traffic) -> Any:
    return traffic.describe()["evidence"]


async def over(traffic: Traffic) -> None:
    await until(lambda: traffic.copies.under_way == 0)


async def idle() -> None:
    """Wait until no copy is run again, either."""
    await until(lambda: len(asyncio.all_tasks()) == 1)


def test_the_first_ten_copies_and_then_every_tenth_run_here_again() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for _ in range(20):
            offer(traffic, model)
            await over(traffic)
            await idle()
        (output,) = evidence_of(traffic)["outputs"]
        assert (output["samples"], output["equal"]) == (20, 20)
        assert output["self"] == twice(11)
        assert model.runs.ran == [[1.0]] * 11
        assert evidence_of(traffic)["candidate"] == {"requests": 20, "errors": 0, "late": 0}

    play(story)


def test_a_heavy_models_own_runs_hold_up_no_copies(monkeypatch: Any) -> None:
    async def heavy(*_: Any, urgent: bool) -> tuple[Run, float]:
        assert not urgent
        runs.append(1)
        return Run([np.array([[2.0]], np.float32)], 0.0, 1.0, 1, 1, lead=True), 1.0

    monkeypatch.setattr("onnx_server.traffic.copying.again", heavy)
    runs: list[int] = []

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for _ in range(30):
            offer(traffic, model)
            await over(traffic)
        assert shadow_of(traffic)["compared"] == 30
        assert len(runs) == 1  # the next one is due in 95 s

    play(story)


def test_another_course_learns_its_noise_anew() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for _ in range(12):
            offer(traffic, model)
            await over(traffic)
            await idle()
        target = (Address("one", "127.0.0.1", pod.port),)
        for course, tolerance, runs in (("c", 0.1, 11), ("d", 0.1, 12)):
            order = Shadowing(100, relative_tolerance=tolerance)
            traffic.apply(Split(2, "digits-v2", 0, target, course=course, shadow=order))
            offer(traffic, model)
            await over(traffic)
            await idle()
            assert evidence_of(traffic)["outputs"][0]["self"]["samples"] == 1
            assert len(model.runs.ran) == runs

    play(story)


def test_nothing_happens_before_the_client_has_its_answer() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        offer(traffic, model)
        for _ in range(3):
            await asyncio.sleep(0)
        assert pod.connections == 0
        await over(traffic)
        assert len(pod.received) == 1

    play(story)


def test_a_copy_keeps_no_batch_and_leaves_nothing() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        pod.behaviour = "hang"
        batch = np.zeros((1000, 1), np.float32)
        gone = weakref.ref(batch)
        offer(traffic, model, output=batch[3:4])
        del batch
        await until(lambda: pod.received)
        gc.collect()
        assert gone() is None
        assert traffic.copies.under_way == 1

    play(story)


def test_a_copy_of_an_old_course_counts_there() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        pod.hangs = lambda received: len(pod.received) == 1
        offer(traffic, model)
        await until(lambda: pod.received)
        settings = Shadowing(percent=100)
        target = (Address("one", "127.0.0.1", pod.port),)
        traffic.apply(Split(2, "digits-v2", 0, target, course="d", shadow=settings))
        assert traffic.copies.under_way == 1
        offer(traffic, model)
        await until(lambda: shadow_of(traffic)["compared"] == 1)
        assert shadow_of(traffic)["sampled"] == 1
        assert evidence_of(traffic)["candidate"]["requests"] == 1

    play(story)


def test_no_copies_without_an_order() -> None:
    traffic = Traffic("digits-v1")
    assert traffic.shadow is None
    traffic.apply(Split(1, "digits-v2", 0, course="c"))
    assert traffic.shadow is None
    assert traffic.active
    traffic.apply(Split(2, None))
    assert not traffic.active


def test_what_finds_no_room_is_counted_as_exactly_as_if_each_had_been_drawn() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for x in range(5000):  # of these more are drawn than there is time for
            offer(traffic, model, x)
        shadow = shadow_of(traffic)
        begun = shadow["sampled"] - shadow["dropped"]["inFlight"]
        assert shadow["sampled"] == 1000
        assert 0 < begun == traffic.copies.under_way < 300
        assert traffic.copies.outcomes["inFlight"] == 1000 - begun
        for x in range(100):
            offer(traffic, model, x)
        traffic.apply(Split(2, "digits-v2", 0, (), course="c"))
        assert shadow_of(traffic)["sampled"] == 1020
        traffic.apply(Split(3, "digits-v2", 0, (), course="another"))
        assert shadow_of(traffic)["sampled"] == 0
        await over(traffic)

    play(story, percent=20, max_in_flight=1000)


def test_the_model_is_run_again_after_all_others() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        gated = Gated()
        model.runs = gated
        model.__post_init__()
        offer(traffic, model)
        await until(gated.entered.is_set)
        # While the model is busy for clients, the run waits, and neither clients nor copies do.
        assert shadow_of(traffic)["compared"] == 1
        for _ in range(5):
            offer(traffic, model)
            await over(traffic)
        assert shadow_of(traffic)["compared"] == 6
        assert evidence_of(traffic)["outputs"][0]["self"]["samples"] == 0
        gated.gate.set()
        await idle()
        assert evidence_of(traffic)["outputs"][0]["self"] == twice(1)

    play(story)


def test_strings_that_came_as_json_are_not_compared_in_work() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        pod.headers["onnx-ran"] = "rows=1 elements=1 compute=1000 work=2000 lead=1"
        run = Run([np.array([[2.0]], np.float32)], 0.0, 1e-3, 1, 1, lead=True)
        request = InferRequest(None, {"x": np.array([[1.0]], np.float32)}, OUTPUTS, 1)
        for json in (0.0, 1e-3):
            copy(traffic, model, request, run, 3e-3, json)
            await over(traffic)
        # 1,900 of 3,000 µs; and of 2,000, once what JSON took is left out.
        assert evidence_of(traffic)["work"] == {"63": 1, "95": 1}
        strings = [np.array([["s"]], object)]
        copy(traffic, model, request, Run(strings, 0.0, 1e-3, 1, 1, lead=True), 3e-3, 1e-3)
        await over(traffic)
        assert sum(evidence_of(traffic)["work"].values()) == 2

    play(story)


def test_golden_requests_while_nobody_asks(monkeypatch: Any) -> None:
    monkeypatch.setattr("onnx_server.traffic.replay.INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr("onnx_server.traffic.replay.QUIET_SECONDS", 0.1)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        model.golden = [Golden({"x": np.array([[1.0]], np.float32)}), Golden({"x": np.array([[3.0]], np.float32)})]
        asking = True
        while asking:  # a client that asks all the time
            traffic.route([], None)
            await asyncio.sleep(0.01)
            asking = time.monotonic() < begin + 0.5
        assert shadow_of(traffic)["replayed"] == 0
        await until(lambda: shadow_of(traffic)["replayed"] >= 4)
        await until(lambda: shadow_of(traffic)["compared"] >= 4)
        described = traffic.describe()
        evidence: Any = described["evidence"]
        # Those that were run here are the stable revision's, with which the candidate's are compared.
        assert evidence["stable"] == {"requests": shadow_of(traffic)["replayed"], "errors": 0}
        assert evidence["candidate"]["requests"] == shadow_of(traffic)["compared"]
        assert {value for (value,) in model.runs.ran} == {1.0, 3.0}
        assert shadow_of(traffic)["sampled"] == shadow_of(traffic)["replayed"]
        traffic.apply(Split(2, "digits-v2", 0, course="c"))
        replayed = shadow_of(traffic)["replayed"]
        await asyncio.sleep(0.3)
        assert shadow_of(traffic)["replayed"] == replayed

    begin = time.monotonic()
    play(story, replay=True)


def test_a_golden_request_that_fails_here_is_this_revisions_error(monkeypatch: Any) -> None:
    monkeypatch.setattr("onnx_server.traffic.replay.INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr("onnx_server.traffic.replay.QUIET_SECONDS", 0.01)

    async def fails(*_: Any) -> None:
        raise RequestError(500, "no")

    monkeypatch.setattr("onnx_server.traffic.shadow.again", fails)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        model.golden = [Golden({"x": np.array([[1.0]], np.float32)})]
        await until(lambda: evidence_of(traffic)["stable"]["requests"] >= 3)
        assert evidence_of(traffic)["stable"]["errors"] == evidence_of(traffic)["stable"]["requests"]
        assert shadow_of(traffic)["sampled"] == 0

    play(story, replay=True)


def test_what_no_client_could_send_is_not_replayed(monkeypatch: Any) -> None:
    monkeypatch.setattr("onnx_server.traffic.replay.INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr("onnx_server.traffic.replay.QUIET_SECONDS", 0.01)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        model.golden = [Golden({"x": np.array([[1]], np.int64)})]
        await asyncio.sleep(0.2)
        assert shadow_of(traffic)["sampled"] == 0
        assert model.runs.ran == []

    play(story, replay=True)


def test_large_comparisons_are_on_a_thread(monkeypatch: Any) -> None:
    threads = []

    def compare(*_: Any) -> None:
        threads.append(threading.current_thread())

    monkeypatch.setattr("onnx_server.traffic.mirror.copier.Comparisons.compare", compare)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        for rows in (1, LARGE_BYTES // 4, LARGE_BYTES // 4 + 1, LARGE_BYTES):
            offer(traffic, model, output=np.zeros((rows, 1), np.float32))
            await over(traffic)
            await idle()
        main = threading.main_thread()
        assert [thread is main for thread in threads] == [True, True, False, False]
        assert threads[2] is threads[3]

    play(story)


def test_a_bug_in_comparing_is_nobodys_error(monkeypatch: Any) -> None:
    def compare(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("onnx_server.traffic.mirror.copier.Comparisons.compare", compare)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        offer(traffic, model)
        await over(traffic)
        assert shadow_of(traffic)["failed"] == 1
        assert shadow_of(traffic)["underWay"] == 0
        assert evidence_of(traffic)["candidate"]["requests"] == 0

    play(story)


@pytest.mark.parametrize("rows", [1, LARGE_BYTES])
def test_a_bug_in_handing_over_gives_the_place_back(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    def kept(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(copies, "kept", kept)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        offer(traffic, model, output=np.zeros((rows, 1), np.float32))
        await over(traffic)
        shadow = shadow_of(traffic)
        assert (shadow["sampled"], shadow["underWay"], shadow["dropped"]["interrupted"]) == (1, 0, 1)
        assert evidence_of(traffic)["candidate"]["requests"] == 0

    play(story)


def test_a_replay_ends_with_the_process() -> None:
    async def main() -> None:
        replay = Replay(Traffic("digits-v1").copies, lambda: None, lambda: 0)
        replay.switch(on=True)
        replay.switch(on=True)
        assert len(asyncio.all_tasks()) == 2
        replay.switch(on=False)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_model_that_takes_its_time_is_waited_for(monkeypatch: Any) -> None:
    monkeypatch.setattr("onnx_server.traffic.copying.ANSWER_SECONDS", 0.05)
    monkeypatch.setattr("onnx_server.traffic.copying.SLOWER", 200.0)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        pod.delay = 0.1
        offer(traffic, model)  # which took this pod 2 ms, 1 / 200 of 0.4 s
        await over(traffic)
        assert evidence_of(traffic)["candidate"] == {"requests": 1, "errors": 0, "late": 0}

    play(story)


def test_a_copy_asks_for_what_its_client_asked_for() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        model.signature = Signature((X,), (Y, TensorSpec("large", BY_NAME["FP32"], (-1, 1_000_000))))
        offer(traffic, model)
        await over(traffic)
        assert b'"outputs":[{"name":"y"}]' in pod.received[0].body

    play(story)


def test_a_copy_that_the_candidate_finds_too_large_is_not_its_error() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        pod.status = 413
        offer(traffic, model)
        await over(traffic)
        assert shadow_of(traffic)["dropped"]["bytes"] == 1
        assert evidence_of(traffic)["candidate"] == {"requests": 0, "errors": 0, "late": 0}

    play(story)


def test_evidence_is_let_go_with_its_course_but_not_with_its_shadow() -> None:
    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        offer(traffic, model)
        await over(traffic)
        await idle()
        mirror: Any = traffic._mirror
        gone = weakref.ref(mirror._of)
        traffic.apply(Split(2, "digits-v2", 50, course="c"))
        gc.collect()
        assert gone() is not None
        assert evidence_of(traffic)["outputs"][0]["samples"] == 1
        traffic.apply(Split(3, None))
        gc.collect()
        assert gone() is None

    play(story)


def test_large_tensors_are_copied_on_the_thread(monkeypatch: Any) -> None:
    threads: list[bool] = []

    real = copies.kept

    def spy(*given: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return real(*given)

    monkeypatch.setattr(copies, "kept", spy)

    async def story(traffic: Traffic, model: FakeModel, pod: ScriptedPod) -> None:
        large = np.zeros((LARGE_BYTES // 4 + 1, 1), np.float32)
        offer(traffic, model)
        await over(traffic)
        await idle()
        offer(traffic, model, output=large)
        await over(traffic)
        await idle()
        run = Run([np.array([[2.0]], np.float32)], 0.0, 1e-3, 1, 1, lead=True)
        copy(traffic, model, InferRequest(None, {"x": large}, OUTPUTS, 1), run, 2e-3)
        await over(traffic)
        await idle()
        assert threads == [True, False, False]
        assert shadow_of(traffic)["compared"] == 3
        assert len(pod.received[-1].body) > LARGE_BYTES

    play(story)
