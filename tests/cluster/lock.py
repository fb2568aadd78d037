"""Locks on directories: one `up` or `down` at a time, one builder at a time; no file is left to hold them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ClusterError
from .paths import RunDir
from .progress import note


@contextmanager
def locked(run: RunDir) -> Iterator[int]:
    """Hold the lock of the run directory, which is made if it is not there; yields the lock's file descriptor.

    The directory may be removed while the lock is held; who waited for it then makes it anew.
    """
    while True:
        try:
            run.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(run.root, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise ClusterError(f"{run.root} is root's: run this with sudo") from error
        try:
            _wait(lock, f"waiting for another up or down to finish ({run.root} is locked)")
            if _is(lock, run):
                _check_owner(lock, run)
                yield lock
                return
        finally:
            os.close(lock)


@contextmanager
def only_one(folder: Path, doing: str) -> Iterator[None]:
    """Let one process at a time do something in `folder`, which is made if it is not there; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _wait(lock, f"waiting for another process that is {doing}")
        yield
    finally:
        os.close(lock)


def _wait(lock: int, why: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note(why)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _is(lock: int, run: RunDir) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), run.root.stat())
    except FileNotFoundError:
        return False


def _check_owner(lock: int, run: RunDir) -> None:
    if os.fstat(lock).st_uid != os.geteuid():
        raise ClusterError(f"{run.root} belongs to somebody else; run this as its owner (root for a node)")
