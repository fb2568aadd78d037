"""Takes the cluster down, whatever state an `up` or an earlier `down` left it in; each part is safe to repeat.

The order matters: first the kubelet, which would start things again, then every process; only then what they used.
Mounts and network namespaces need no step: they live in the node's mount namespace, which ends with its processes.
"""

import shutil

from . import cgroups, network, processes
from .lock import locked
from .machine import Before
from .paths import RunDir
from .progress import step


def down(run: RunDir) -> bool:
    """Leave nothing of the cluster but the cache; return whether there was anything."""
    if not run.root.exists() and not cgroups.groups(run.cgroup):
        return False
    with locked(run):
        there = clear(run)
        run.root.rmdir()
        return there


def clear(run: RunDir) -> bool:
    """Do the work of `down`, with the lock held; only the run directory itself, which is the lock, stays."""
    before = Before.read(run.state_file)
    there = before is not None or bool(cgroups.groups(run.cgroup))
    if there:
        with step("taking the cluster down"):
            _end_processes(run)
            network.remove()
            cgroups.remove(run.cgroup)
            if before is not None:
                before.restore()
    _remove_files(run)
    return there


def _end_processes(run: RunDir) -> None:
    started = processes.recorded(run.pids)
    processes.end([record for record in started if record.name == "kubelet"])
    processes.end(started)
    cgroups.kill(run.cgroup)


def _remove_files(run: RunDir) -> None:
    # The state goes last: a `down` that is killed here can be repeated.
    # Only what is ours goes: the place can be chosen, and a wrong one must not cost anybody a file.
    for path in run.parts:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    run.state_file.with_suffix(".new").unlink(missing_ok=True)
    run.state_file.unlink(missing_ok=True)
