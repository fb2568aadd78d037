"""Runs programs to their end, with their output where a failure needs it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import CommandFailedError

TAIL_CHARACTERS = 6000


def run(
    command: Sequence[str | Path],
    *,
    what: str | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: str | None = None,
    timeout: float | None = None,
) -> str:
    """Run a program and return its stdout.

    `what` names it in the error, `environment` adds to ours, `given` is its stdin. Raises `CommandFailedError` with
    the end of stdout and stderr.
    """
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise CommandFailedError(
            what or str(command[0]), done.returncode, (done.stdout + done.stderr)[-TAIL_CHARACTERS:]
        )
    return done.stdout
