"""Becomes a daemon: writes its own record, then executes the daemon under the same pid.

Runs as a script, `launcher.py RECORD CGROUP PARENT -- COMMAND...`. The daemon records itself, so no kill of `up` can
leave a daemon that nobody knows; and it holds the run directory's lock (`LOCK_FD`, if open) until it has, so no `down`
can look too early. Where PARENT is a pid, the daemon does not outlive it.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

LOCK_FD: Final = 3
PR_SET_PDEATHSIG: Final = 1


def start_ticks(pid: int) -> int:
    """Return when the process started, in clock ticks after boot: with the pid it names a process for good."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[19])


def die_with(parent: int) -> None:
    """Have the kernel kill this process, and what it becomes, when the thread that started it ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise SystemExit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it ended before we asked
        raise SystemExit("who started this daemon has ended")


def main(argv: list[str]) -> None:
    """Record this process and become `COMMAND`; an empty CGROUP or PARENT means none."""
    record, cgroup, parent, dashes, *command = argv
    if dashes != "--":
        raise SystemExit("usage: launcher.py RECORD CGROUP PARENT -- COMMAND...")
    os.chdir("/")
    if parent:
        die_with(int(parent))
    if cgroup:
        Path(cgroup, "cgroup.procs").write_text(str(os.getpid()))
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    identity = {"pid": os.getpid(), "start": start_ticks(os.getpid()), "boot": boot, "command": command}
    partial = Path(f"{record}.new")
    partial.write_text(json.dumps(identity))
    partial.rename(record)
    with contextlib.suppress(OSError):
        os.set_inheritable(LOCK_FD, False)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
