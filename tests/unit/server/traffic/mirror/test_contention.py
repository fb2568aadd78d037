"""What a process that stands back takes of the CPU from others, by what Linux says of it."""

import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest

from onnx_server.traffic.mirror.contention import BUSY, Contended, Contention

BESIDE_A_BUSY_ONE = """
import os, subprocess, sys, time
from onnx_server.traffic.mirror.contention import Contention
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for_a_while = "import time; end = time.monotonic() + 40\\nwhile time.monotonic() < end: pass"
busy = subprocess.Popen([sys.executable, "-c", for_a_while], stdout=subprocess.DEVNULL)
try:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    time.sleep(0.3)
    contention, began = Contention(), time.thread_time()
    while time.thread_time() < began + 0.02:
        pass
    taken = contention.since()
finally:
    busy.kill()
print(taken.share, taken.seconds, taken.turns)
"""
"""What a process ran that stood back while another one wanted its core."""


class Stat:
    """The file, of a process that had run before."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "schedstat"
        self._so_far = 5_000_000, 7_000_000.0, 9
        self.add(0, 0, 0)

    def add(self, ran: int, waited: float, turns: int) -> None:
        self._so_far = self._so_far[0] + ran, self._so_far[1] + waited, self._so_far[2] + turns
        self.file.write_text("{} {:.0f} {}\n".format(*self._so_far))


@pytest.mark.parametrize(
    ("ran", "waited", "turns", "expected"),
    [
        (2_000_000, 0, 3, Contended(0.0, 2e-3, 3)),
        (2_000_000, BUSY * 1_000_000, 4, Contended(0.5, 2e-3, 4)),
        (2_000_000, BUSY * 9_000_000, 4, Contended(1.0, 2e-3, 4)),
        (0, 1_000_000, 0, Contended()),
    ],
)
def test_the_longer_it_waits_the_more_it_takes(
    ran: int, waited: float, turns: int, expected: Contended, tmp_path: Path
) -> None:
    stat = Stat(tmp_path)
    contention = Contention(lambda: 0.0, stat.file)
    stat.add(ran, waited, turns)
    assert astuple(contention.since()) == pytest.approx(astuple(expected))
    assert contention.since() == Contended(expected.share)


def test_what_ran_in_one_turn_waited_together(tmp_path: Path) -> None:
    stat, now = Stat(tmp_path), 100.0
    contention = Contention(lambda: now, stat.file)
    for _ in range(10):
        now += 0.5
        stat.add(1_000_000, BUSY * 2_000_000, 1)
        assert contention.since() == Contended(1.0, 1e-3, 1)
        stat.add(1_000_000, 0, 0)
        assert contention.since().share > 0.7
    now += 5.0  # nothing was copied
    stat.add(1_000_000, 0, 1)
    assert contention.since() == Contended(0.0, 1e-3, 1)


def test_where_the_system_does_not_say(tmp_path: Path) -> None:
    file = tmp_path / "none"
    assert Contention(schedstat=file).since() == Contended()
    file.write_text("other words")
    assert Contention(schedstat=file).since() == Contended()


def test_beside_a_process_that_always_wants_the_core_it_takes_all_that_it_runs() -> None:
    found = subprocess.run([sys.executable, "-c", BESIDE_A_BUSY_ONE], capture_output=True, check=True, timeout=60)
    share, seconds, turns = map(float, found.stdout.split())
    assert share > 0.5
    assert seconds >= 0.02
    assert turns >= 1
