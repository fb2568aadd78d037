"""Starts daemons from their specs and waits for them; knows all that run, so that any death ends the wait."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from . import health, processes, programs
from .paths import RunDir
from .processes import Daemon
from .specs import Spec

LIMIT: Final = 120.0
"""Seconds that anything may take to become ready; on an idle machine everything together takes five."""


_immortal_thread = ThreadPoolExecutor(1, "mortal-daemons")
"""Starts the daemons that end with us: the kernel watches the thread that starts a process, and this one stays."""


class Starter:
    """The daemons of one `up`; without `lock` they end with this process, however it ends."""

    def __init__(self, run: RunDir, lock: int | None, cgroup: Path | None) -> None:
        self._run = run
        self._lock = lock
        self._cgroup = cgroup
        self._daemons: list[Daemon] = []

    def start(self, spec: Spec) -> Daemon:
        """Write the daemon's files and start it."""
        for path, content in spec.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        start = partial(
            processes.start,
            spec.name,
            list(spec.command),
            pids=self._run.pids,
            logs=self._run.logs,
            environment={"PATH": programs.search_path(), "TMPDIR": str(self._run.tmp), "HOME": str(self._run.tmp)},
            lock=self._lock,
            cgroup=self._cgroup,
            mortal=self._lock is None,
        )
        daemon = start() if self._lock is not None else _immortal_thread.submit(start).result()
        self._daemons.append(daemon)
        return daemon

    def end(self, name: str, *, grace: float = 0.0) -> None:
        """End one daemon, with SIGTERM and `grace` seconds first if asked; it is not missed from then on."""
        self._daemons = [daemon for daemon in self._daemons if daemon.name != name]
        processes.end([record for record in processes.recorded(self._run.pids) if record.name == name], grace=grace)

    def end_all(self) -> None:
        """End them all, those that are not recorded yet as well; none is missed from then on."""
        daemons, self._daemons = self._daemons, []
        for daemon in daemons:
            daemon.kill()

    def check(self) -> None:
        """Raise `DaemonDiedError` if a daemon has ended by itself."""
        for daemon in self._daemons:
            daemon.check()

    def wait_ready(self, *specs: Spec) -> None:
        """Wait until these daemons answer."""
        for spec in specs:
            self.wait(spec.name, partial(health.ready, spec))

    def wait(self, what: str, check: Callable[[], bool]) -> None:
        """Wait until `check` holds, or a daemon dies, or `LIMIT` is over."""
        health.wait(what, check, self._daemons, limit=LIMIT)
