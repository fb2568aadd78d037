"""Starts daemons and ends them, by a record that names a process for good: pid, start time and boot.

A pid alone is reused; with its start time it never is. Signals go through a pidfd, so nothing can change in between.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import launcher
from .errors import ClusterError, DaemonDiedError

TAIL_LINES: Final = 30


@dataclass(frozen=True)
class Record:
    """One started daemon, as its launcher wrote it down."""

    name: str
    pid: int
    start: int
    boot: str

    @classmethod
    def read(cls, path: Path) -> "Record":
        """Read a launcher's record; the file's stem is the daemon's name."""
        data = json.loads(path.read_text())
        return cls(name=path.stem, pid=data["pid"], start=data["start"], boot=data["boot"])

    def open(self) -> int | None:
        """Return a pidfd of this very process, or None when it has ended (a zombie has)."""
        if self.boot != Path("/proc/sys/kernel/random/boot_id").read_text().strip():
            return None
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        # The pidfd pins the process; what /proc says of the pid now is said of the pinned one or of a later one.
        try:
            if not _has_ended(handle) and launcher.start_ticks(self.pid) == self.start:
                return handle
        except (FileNotFoundError, ProcessLookupError):
            pass
        os.close(handle)
        return None

    def alive(self) -> bool:
        """Whether this very process still runs."""
        handle = self.open()
        if handle is None:
            return False
        os.close(handle)
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this very process; nothing happens when it has ended."""
        handle = self.open()
        if handle is None:
            return
        try:
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)


def _has_ended(handle: int) -> bool:
    # Not by the state in /proc: the first thread may be a zombie while others still hold ports and files.
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))


@dataclass(frozen=True)
class Daemon:
    """A started daemon: its pid, its record's place and its log."""

    name: str
    pid: int
    record_file: Path
    log: Path

    def check(self) -> None:
        """Raise `DaemonDiedError`, with the end of its log, when the daemon has ended; it must be a child of ours."""
        try:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            raise DaemonDiedError(self.name, None, self.log, tail(self.log)) from None
        if ended:
            raise DaemonDiedError(self.name, os.waitstatus_to_exitcode(status), self.log, tail(self.log))

    def kill(self) -> None:
        """Kill the daemon and wait for its end; it must be a child of ours."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            # Until it is waited for, the pid of a child is not reused.
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log, or a word on why there are none."""
    if not log.exists():
        return "(there is no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "(the log is empty)"


def start(
    name: str,
    command: list[str],
    *,
    pids: Path,
    logs: Path,
    environment: Mapping[str, str],
    lock: int | None = None,
    cgroup: Path | None = None,
    mortal: bool = False,
) -> Daemon:
    """Start `command` in its own session with its output in `logs`, recorded in `pids` before it runs.

    `lock` is a file descriptor that the launcher keeps open until the record is written. A `mortal` daemon is killed by
    the kernel when the thread that calls this ends.
    """
    record = pids / f"{name}.json"
    record.unlink(missing_ok=True)
    log = logs / f"{name}.log"
    parent = str(os.getpid()) if mortal else ""
    launch = [sys.executable, "-I", "-S", launcher.__file__, str(record), str(cgroup or ""), parent, "--", *command]
    actions: list[tuple[int, int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    if lock is not None:
        actions.append((os.POSIX_SPAWN_DUP2, lock, launcher.LOCK_FD))
    # No subprocess.Popen: its objects want to be waited for, and these are meant to outlive us.
    pid = os.posix_spawn(launch[0], launch, dict(environment), file_actions=actions, setsid=True)
    return Daemon(name, pid, record, log)


def recorded(pids: Path) -> list[Record]:
    """Return what was started, in order of start."""
    if not pids.is_dir():
        return []
    return sorted((Record.read(path) for path in pids.glob("*.json")), key=lambda record: (record.start, record.pid))


def end(records: list[Record], *, grace: float = 0.0) -> None:
    """End these processes, with SIGTERM and `grace` seconds first if asked; return when they are gone."""
    if grace:
        for record in records:
            record.send(signal.SIGTERM)
        wait_ended(records, grace)
    for record in records:
        record.send(signal.SIGKILL)
    if left := wait_ended(records, 20.0):
        names = ", ".join(f"{record.name} (pid {record.pid})" for record in left)
        raise ClusterError(f"these do not end, even when killed: {names}; run `down` again, or look at them")


def wait_ended(records: list[Record], limit: float) -> list[Record]:
    """Wait up to `limit` seconds; return those that still run."""
    deadline = time.monotonic() + limit
    left = records
    while (left := [record for record in left if record.alive()]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for record in records:
        if record not in left:
            with contextlib.suppress(ChildProcessError):  # reaps it where `up` ran in this very process
                os.waitpid(record.pid, os.WNOHANG)
    return left
