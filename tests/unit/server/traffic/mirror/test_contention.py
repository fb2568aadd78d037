"""What a process that stands back takes of the CPU from others, by what Linux says of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from onnx_server.traffic.mirror.contention import BUSY, Contended, Contention

BESIDE_A_BUSY_ONE = """
import os, subprocess, sys, time
from onnx_server.traffic.mirror.contention import Contention
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
time.sleep(0.1)
contention, began = Contention(), time.thread_time()
while time.thread_time() < began + 0.005:
    pass
taken = contention.since()
busy.kill()
print(taken.seconds, taken.turns)
"""
"""What a process took that stood back while another one wanted its core."""


@pytest.mark.parametrize(
    ("ran", "waited", "turns", "expected"),
    [
        (2_000_000, 0, 3, Contended()),
        (2_000_000, BUSY * 1_000_000, 4, Contended(1e-3, 2.0)),
        (2_000_000, BUSY * 9_000_000, 4, Contended(2e-3, 4.0)),
        (0, 1_000_000, 0, Contended()),
    ],
)
def test_the_longer_it_waits_the_more_it_takes(
    ran: int, waited: float, turns: int, expected: Contended, tmp_path: Path
) -> None:
    schedstat = tmp_path / "schedstat"
    schedstat.write_text("5000000 7000000 9\n")
    contention = Contention(schedstat)
    schedstat.write_text(f"{5_000_000 + ran} {7_000_000 + waited:.0f} {9 + turns}\n")
    taken = contention.since()
    assert (taken.seconds, taken.turns) == pytest.approx((expected.seconds, expected.turns))
    assert contention.since() == Contended()


def test_where_the_system_does_not_say(tmp_path: Path) -> None:
    assert Contention(tmp_path / "none").since() == Contended()


def test_beside_a_process_that_always_wants_the_core_it_takes_all_that_it_runs() -> None:
    found = subprocess.run([sys.executable, "-c", BESIDE_A_BUSY_ONE], capture_output=True, check=True, timeout=60)
    seconds, turns = map(float, found.stdout.split())
    assert 0.005 <= seconds < 0.02
    assert turns >= 1
