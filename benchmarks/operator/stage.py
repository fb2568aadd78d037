"""Where scenarios play: a control plane of their own, tuned for scale, and an operator as a chart would start it."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.operator.api import Api, connected
from benchmarks.operator.requests import POLICY
from benchmarks.operator.usage import ELSEWHERE, Used, between, snapshot
from tests.cluster import access
from tests.cluster.plane import ControlPlane, control_plane
from tests.cluster.plane_daemons import Tuning
from tests.cluster.progress import note
from tests.integration import operator_process
from tests.integration.audit import Audit
from tests.integration.installation import OPERATOR_NAMESPACE, grant
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess

CLIENT_QPS: Final = 2000
"""Requests a second that the controller manager's clients, and the scheduler's, may make; bursts twice as many."""

SETTLE_IN: Final = 60.0
CALM: Final = 0.3
"""CPU seconds a second, of all daemons together, that they use when they have begun."""

AUTOSCALER_PERIOD: Final = "1h"
"""Autoscalers are not looked at while something is measured: no metrics are served here, and the autoscaling controller
would ask for them in vain, and write events about it, all the time."""

NAMESPACE: Final = "benchmark"

DEFAULTS: Final = ("--lease-duration", "15", "--request-timeout", "5")
"""The operator's own defaults, in the place of those that make tests quick."""


@dataclass
class Stage:
    """A control plane with the namespace `NAMESPACE` and the operator's rights."""

    plane: ControlPlane
    kubeconfig: Path
    audit: Audit
    operators: list[OperatorProcess]

    @property
    def operator(self) -> OperatorProcess:
        """The operator that runs, or ran last."""
        return self.operators[-1]

    def start_operator(self) -> OperatorProcess:
        """Start an operator for the whole cluster; it may not be ready yet."""
        log = self.plane.logs / f"operator-{len(self.operators)}.log"
        options = ("--own-namespace", OPERATOR_NAMESPACE, *DEFAULTS)
        self.operators.append(operator_process.start(self.kubeconfig, log, *options))
        note(f"the operator's pid is {self.operator.pid}")
        return self.operator

    def cpu(self) -> dict[str, Used]:
        """Return what each process has used up to now."""
        running = [o for o in self.operators[-1:] if not o.ended]
        return snapshot(self.plane.run, {"operator": running[0].pid} if running else {})

    async def settle_in(self) -> None:
        """Wait until the daemons have done what they do when they begin: a young API server builds its documents."""
        deadline = time.monotonic() + SETTLE_IN
        while time.monotonic() < deadline:
            before = self.cpu()
            await asyncio.sleep(1.0)
            spent = between(before, self.cpu())
            if sum(spent.values()) - spent[ELSEWHERE] < CALM:
                return

    def check(self) -> None:
        """Raise if the operator or a daemon has ended by itself."""
        self.plane.check()
        self.operator.check()

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Api]:
        """Give a client with the administrator's rights."""
        async with connected(access.read(self.plane.kubeconfig)) as api:
            yield api


@contextmanager
def stage() -> Iterator[Stage]:
    """Bring a control plane up; it, its operators and its logs are gone afterwards."""
    tuning = Tuning(qps=CLIENT_QPS, autoscaler_period=AUTOSCALER_PERIOD, audit_policy=POLICY)
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        control_plane(Path(folder), tuning=tuning) as plane,
    ):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        plane.rest.create("/api/v1/namespaces", namespace)
        # Without it no pod can be made, and controllers that tried would back off.
        Namespace(plane.rest, NAMESPACE).wait("ServiceAccount", "default", lambda _: True)
        made = Stage(plane, grant(plane), Audit(plane), [])
        try:
            yield made
        finally:
            for process in made.operators:
                if not process.ended:
                    process.kill()
