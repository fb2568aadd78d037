"""Starts daemons from their specs and waits for them; knows all that run, so that any death ends the wait."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from . import health, processes, programs
from .paths import RunDir
from .processes import Daemon
from .specs import Spec

LIMIT: Final = 120.0
"""Seconds that anything may take to become ready; on an idle machine everything together takes five."""


class Starter:
    """The daemons of one `up`."""

    def __init__(self, run: RunDir, lock: int, cgroup: Path | None) -> None:
        self._run = run
        self._lock = lock
        self._cgroup = cgroup
        self._daemons: list[Daemon] = []

    def start(self, spec: Spec) -> Daemon:
        """Write the daemon's files and start it."""
        for path, content in spec.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        daemon = processes.start(
            spec.name,
            list(spec.command),
            pids=self._run.pids,
            logs=self._run.logs,
            environment={"PATH": programs.search_path(), "TMPDIR": str(self._run.tmp), "HOME": str(self._run.tmp)},
            lock=self._lock,
            cgroup=self._cgroup,
        )
        self._daemons.append(daemon)
        return daemon

    def wait_ready(self, *specs: Spec) -> None:
        """Wait until these daemons answer."""
        for spec in specs:
            self.wait(spec.name, partial(health.ready, spec))

    def wait(self, what: str, check: Callable[[], bool]) -> None:
        """Wait until `check` holds, or a daemon dies, or `LIMIT` is over."""
        health.wait(what, check, self._daemons, limit=LIMIT)
