"""The mirror's process as the pod has it: started, asked, killed and ended. The process is the real one."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import uvloop

from onnx_server.traffic.mirror import apart
from onnx_server.traffic.mirror.apart import Apart
from onnx_server.traffic.mirror.messages import Copy, Twice
from onnx_server.traffic.split import Address
from tests.contract.scripted_pod import ScriptedPod, scripted_pod
from tests.unit.server.scheduling import until
from tests.unit.server.traffic.mirror.mirrors import ONE, TWO, answered, begin, children, told_of
from tests.unit.server.traffic.test_shadow import answer


def oom_score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def play(story: Callable[[Apart, ScriptedPod], Coroutine[Any, Any, None]]) -> None:
    async def main(pod: ScriptedPod) -> None:
        before = children()
        mirror = Apart(b"digits-v1")
        mirror.order((Address("one", "127.0.0.1", pod.port),))
        await story(mirror, pod)
        mirror.end()
        await until(lambda: children() <= before)

    # The server's loop is uvloop's.
    for loop in (asyncio.new_event_loop, uvloop.new_event_loop):
        with scripted_pod() as pod, asyncio.Runner(loop_factory=loop) as runner:
            answer(pod, 2.0)
            runner.run(main(pod))


def test_a_copy_is_compared_in_a_process_that_stands_back() -> None:
    async def story(mirror: Apart, pod: ScriptedPod) -> None:
        (pid,) = children()
        begin(mirror)
        told = await told_of(mirror)
        assert (told.outcome, told.bug) == ("compared", "")
        assert told.described is not None
        assert orjson.loads(told.described)["outputs"][0]["equal"] == 1
        assert 0 < told.seconds < 1
        assert pod.received[0].headers["onnx-forwarded"] == "digits-v1"
        assert os.sched_getscheduler(pid) == os.SCHED_IDLE
        assert oom_score(pid) == 1000
        again = await answered(lambda heard: mirror.ask(Twice(1, TWO, TWO), heard))
        assert again.described is not None
        assert orjson.loads(again.described)["outputs"][0]["self"]["samples"] == 1

    play(story)


def test_the_worst_inputs_come_back() -> None:
    async def story(mirror: Apart, pod: ScriptedPod) -> None:
        begin(mirror)
        answer(pod, 3.0)
        told = await told_of(mirror)
        assert told.described is not None
        (worst,) = orjson.loads(told.described)["worst"]
        kept = await mirror.kept(worst["digest"])
        assert kept is not None
        np.testing.assert_array_equal(kept["x"], ONE["x"])
        assert await mirror.kept("sha256:none") is None

    play(story)


def test_comparisons_that_were_replaced_hear_of_nothing() -> None:
    async def story(mirror: Apart, pod: ScriptedPod) -> None:
        begin(mirror)
        begin(mirror, 2)
        assert (await told_of(mirror)).outcome == "interrupted"
        assert (await answered(lambda heard: mirror.ask(Twice(1, TWO, TWO), heard))).outcome == "interrupted"
        assert (await told_of(mirror, 2)).outcome == "compared"

    play(story)


def test_what_is_under_way_ends_with_the_process() -> None:
    async def story(mirror: Apart, pod: ScriptedPod) -> None:
        begin(mirror)
        pod.behaviour = "hang"
        waiting = asyncio.create_task(told_of(mirror))
        await until(lambda: pod.received)
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        assert (await waiting).outcome == "interrupted"
        assert mirror.lost
        mirror.order(())  # nobody hears it
        begin(mirror)
        assert (await told_of(mirror)).outcome == "interrupted"
        assert await mirror.kept("sha256:none") is None

    play(story)


def test_an_answer_that_is_none_and_a_bug_are_told_apart() -> None:
    async def story(mirror: Apart, pod: ScriptedPod) -> None:
        begin(mirror)
        pod.body = b"no"
        told = await told_of(mirror)
        assert (told.outcome, told.bug) == ("failed", "")
        unknown = Copy(1, {"unknown": ONE["x"]}, TWO, 1000, 30.0)
        told = await answered(lambda heard: mirror.ask(unknown, heard))
        assert told.outcome == "failed"
        assert "KeyError: 'unknown'" in told.bug

    play(story)


def test_a_process_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(apart, "KEPT_SECONDS", 0.2)

    async def story(mirror: Apart, pod: ScriptedPod) -> None:
        (pid,) = children()
        os.kill(pid, signal.SIGSTOP)
        begin(mirror)
        assert (await told_of(mirror)).outcome == "interrupted"
        assert mirror.lost
        await until(lambda: not children())

    async def asked_for_inputs(mirror: Apart, pod: ScriptedPod) -> None:
        (pid,) = children()
        os.kill(pid, signal.SIGSTOP)
        assert await mirror.kept("sha256:none") is None

    play(story)
    play(asked_for_inputs)
