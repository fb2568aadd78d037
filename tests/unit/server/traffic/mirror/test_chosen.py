"""Where copies are sent and compared: in a process of its own, unless that cannot be."""

import asyncio
import logging
import os
import signal
import sys

import orjson
import pytest

from onnx_server.traffic.mirror.apart import Apart
from onnx_server.traffic.mirror.chosen import ROOM_BYTES, Chosen
from onnx_server.traffic.split import Address
from tests.contract.scripted_pod import scripted_pod
from tests.unit.server.scheduling import until
from tests.unit.server.traffic.mirror.mirrors import begin, children, told_of
from tests.unit.server.traffic.test_shadow import answer

BYTES = 1000


@pytest.mark.parametrize(("room", "apart"), [(None, 1), (ROOM_BYTES + BYTES, 1), (ROOM_BYTES + BYTES - 1, 0)])
def test_without_room_for_another_process_this_one_copies(
    room: int | None, apart: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(port: int) -> None:
        before = children()
        mirror = Chosen(b"digits-v1", lambda: room)
        mirror.order((Address("one", "127.0.0.1", port),))
        mirror.start(BYTES)
        begin(mirror)
        assert (await told_of(mirror)).outcome == "compared"
        assert len(children() - before) == apart
        assert mirror.starts == 1
        mirror.end()
        await until(lambda: children() <= before)

    with scripted_pod() as pod:
        answer(pod, 2.0)
        asyncio.run(main(pod.port))
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert said == ([] if apart else ["requests are copied in this process: the memory limit has no room for another"])


def test_where_no_process_can_be_started_this_one_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/none")

    async def main(port: int) -> None:
        mirror = Chosen(b"digits-v1")
        mirror.order((Address("one", "127.0.0.1", port),))
        mirror.start(BYTES)
        begin(mirror)
        assert (await told_of(mirror)).outcome == "compared"
        mirror.end()

    with scripted_pod() as pod:
        answer(pod, 2.0)
        asyncio.run(main(pod.port))


def test_after_a_process_that_was_killed_this_one_copies_until_the_course_is_over() -> None:
    async def main(port: int) -> None:
        before = children()
        mirror = Chosen(b"digits-v1")
        mirror.order((Address("one", "127.0.0.1", port),))
        mirror.start(BYTES)
        begin(mirror)
        assert (await told_of(mirror)).outcome == "compared"
        (pid,) = children() - before
        os.kill(pid, signal.SIGKILL)
        await until(lambda: children() <= before)
        await until(lambda: isinstance(mirror._mirror, Apart) and mirror._mirror.lost)
        mirror.start(BYTES)
        assert mirror.starts == 2
        assert (await told_of(mirror)).outcome == "interrupted"  # comparisons that are lost
        begin(mirror, 2)
        told = await told_of(mirror, 2)
        assert told.described is not None
        assert orjson.loads(told.described)["outputs"][0]["samples"] == 1
        assert children() <= before
        mirror.end()
        mirror.start(BYTES)
        assert len(children() - before) == 1
        mirror.end()
        await until(lambda: children() <= before)

    with scripted_pod() as pod:
        answer(pod, 2.0)
        asyncio.run(main(pod.port))
