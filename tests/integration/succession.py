"""Operators one after the other, each behind an entrance of its own."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.plane import ControlPlane
from tests.integration import operator_process
from tests.integration.installation import OPERATOR_NAMESPACE, forget_lease
from tests.integration.operator_process import OperatorProcess
from tests.integration.proxy import Entrance, Proxy


@dataclass(frozen=True)
class Reign:
    """An operator and its entrance."""

    process: OperatorProcess
    entrance: Entrance

    def kill(self) -> None:
        """End the operator at once; may be called from any thread."""
        self.process.ended = True
        os.kill(self.process.pid, signal.SIGKILL)


@dataclass
class Succession:
    """The operators of one test. With `heirs`, the next one has always loaded its code, and waits to begin."""

    plane: ControlPlane
    proxy: Proxy
    folder: Path
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    heirs: bool = False
    _all: list[OperatorProcess] = field(default_factory=list)
    _heir: Reign | None = None

    def follow(self) -> Reign:
        """Let the next operator begin, after the one before was killed; return it once it leads."""
        forget_lease(self.plane)
        reign = self._heir or self._held()
        reign.process.let_go()
        self._heir = self._held() if self.heirs else None
        reign.process.wait_leading()
        return reign

    def beside(self) -> Reign:
        """Let another operator begin beside the one that leads; return it once it is ready to follow."""
        reign = self._held()
        reign.process.let_go()
        reign.process.wait_ready()
        return reign

    def close(self) -> None:
        """End all."""
        for process in self._all:
            process.kill()
        forget_lease(self.plane)

    def _held(self) -> Reign:
        number = len(self._all)
        entrance = self.proxy.open(f"operator-{number}")
        options = ("--own-namespace", OPERATOR_NAMESPACE, *self.options)
        log = self.folder / f"operator-{number}.log"
        started = operator_process.start(entrance.kubeconfig, log, *options, held=True, environment=self.environment)
        self._all.append(started)
        return Reign(started, entrance)
