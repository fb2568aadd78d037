"""A daemon is recorded before it runs, and only the very process of a record is ever ended."""

import dataclasses
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import launcher, processes
from tests.cluster.errors import DaemonDiedError

PATH = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    processes.end(processes.recorded(tmp_path))


def start(place: Path, *command: str, lock: int | None = None) -> processes.Daemon:
    return processes.start("some", list(command), pids=place, logs=place, environment=PATH, lock=lock)


def record(place: Path) -> processes.Record:
    deadline = time.monotonic() + 10
    while not processes.recorded(place):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return processes.recorded(place)[0]


def check_for(daemon: processes.Daemon, limit: float) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        daemon.check()
        time.sleep(0.01)


def test_a_daemon_is_recorded_and_ended(place: Path) -> None:
    daemon = start(place, "sleep", "1000")
    found = record(place)

    assert (found.name, found.pid, found.alive()) == ("some", daemon.pid, True)
    daemon.check()
    processes.end([found])
    assert not found.alive()


def test_a_reused_pid_is_left_alone() -> None:
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        start = launcher.start_ticks(stranger.pid)
        true = processes.Record("some", stranger.pid, start, boot)
        assert true.alive()

        for other in (dataclasses.replace(true, start=start - 1), dataclasses.replace(true, boot="another")):
            assert not other.alive()
            processes.end([other])
        time.sleep(0.1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_daemon_that_died_is_told_with_the_end_of_its_log(place: Path) -> None:
    daemon = start(place, "sh", "-c", "seq 100; echo out of luck >&2; exit 7")
    with pytest.raises(DaemonDiedError, match=r"some ended with exit code 7(.|\n)*99\n100\nout of luck$"):
        check_for(daemon, 10)


def test_sigterm_comes_first_where_there_is_grace(place: Path) -> None:
    start(place, "sh", "-c", "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.05; done")
    found = record(place)
    while "ready" not in (place / "some.log").read_text():
        time.sleep(0.01)
    processes.end([found], grace=5)
    assert (place / "some.log").read_text() == "ready\nbye\n"


def test_the_lock_is_held_until_the_daemon_is_recorded_and_no_longer(place: Path) -> None:
    lock = os.open(place, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    start(place, "sleep", "1000", lock=lock)
    os.close(lock)  # as the kernel does it when `up` is killed

    other = os.open(place, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        assert [found.name for found in processes.recorded(place)] == ["some"]
        assert processes.recorded(place)[0].alive()
    finally:
        os.close(other)


def test_a_daemon_outlives_the_terminal_of_who_started_it(place: Path) -> None:
    daemon = start(place, "sleep", "1000")
    record(place)
    assert os.getsid(daemon.pid) == daemon.pid
    os.kill(daemon.pid, signal.SIGKILL)
