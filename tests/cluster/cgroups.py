"""The control groups of a node: every process that `up` or the kubelet starts is in one, with its children.

That is how `down` knows the children of daemons (shims, containers, runc) from everybody else's processes.
cgroup v1, v2 and both at once are handled alike: a group of the cluster's name in each mounted hierarchy.
"""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

from .errors import ClusterError

DAEMONS: Final = "daemons"


def hierarchies(mountinfo: str | None = None) -> list[Path]:
    """Return where control-group hierarchies are mounted, of either version, the v2 one (if any) last."""
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    found: dict[Path, str] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind = after.split()[0] if after else ""
        if kind in ("cgroup", "cgroup2") and before.split()[3] == "/":
            found[Path(before.split()[4])] = kind
    return sorted(found, key=lambda path: (found[path], path))


def create(name: str) -> Path:
    """Create the group `name` in each hierarchy, and return the one that the daemons go into.

    The kubelet wants its root in every hierarchy, with every v2 controller; and a v1 cpuset takes no process before it
    has CPUs and memory.
    """
    _control(missing_controllers(), "+")
    roots = [mount / name for mount in hierarchies()]
    if not roots:
        raise ClusterError("no control-group hierarchy is mounted; a kubelet cannot run here")
    for root in roots:
        root.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            own = root / file
            given = root.parent / file
            if own.exists() and given.exists() and not own.read_text().strip():
                own.write_text(given.read_text())
    daemons = roots[-1] / DAEMONS
    daemons.mkdir(exist_ok=True)
    return daemons


def missing_controllers() -> list[str]:
    """Return the controllers that the v2 hierarchy has, but does not hand to the groups below its root."""
    return [
        controller
        for mount in hierarchies()
        if (mount / "cgroup.subtree_control").exists()
        for controller in (mount / "cgroup.controllers").read_text().split()
        if controller not in (mount / "cgroup.subtree_control").read_text().split()
    ]


def release_controllers(controllers: list[str]) -> None:
    """Take these controllers back from the groups below the v2 root; one that others use by now stays."""
    with contextlib.suppress(OSError):
        _control(controllers, "-")


def _control(controllers: list[str], sign: str) -> None:
    for controller in controllers:
        (hierarchies()[-1] / "cgroup.subtree_control").write_text(f"{sign}{controller}")


def groups(name: str) -> list[Path]:
    """Return the group `name` and those below it, in every hierarchy, the deepest first."""
    found = [
        Path(folder)
        for mount in hierarchies()
        for folder, _, _ in os.walk(mount / name)  # a missing one yields nothing
    ]
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def members(name: str) -> set[int]:
    """Return the pids in the group `name` and below."""
    pids: set[int] = set()
    for group in groups(name):
        with contextlib.suppress(OSError):  # the group went away meanwhile
            pids.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
    return pids - {0}


def kill(name: str, limit: float = 20.0) -> None:
    """Kill all members until none is left; raise when some stay for `limit` seconds."""
    deadline = time.monotonic() + limit
    while pids := members(name):
        for pid in pids:
            _kill_member(pid, name)
        if time.monotonic() > deadline:
            raise ClusterError(f"these processes of the cluster do not end, even when killed: {sorted(pids)}")
        time.sleep(0.02)


def _kill_member(pid: int, name: str) -> None:
    # The pidfd pins the process, and membership is asked again after that: a reused pid is not a member.
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _is_member(pid, name):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass
    finally:
        os.close(handle)


def _is_member(pid: int, name: str) -> bool:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return any(f"{line.split(':', 2)[2]}/".startswith(f"/{name}/") for line in lines)


def remove(name: str, limit: float = 10.0) -> None:
    """Remove the group `name` and those below; a group whose last process just ended may take a moment."""
    deadline = time.monotonic() + limit
    while left := groups(name):
        for group in left:
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            raise ClusterError(f"this control group cannot be removed: {left[0]}")
        if groups(name):
            time.sleep(0.02)
