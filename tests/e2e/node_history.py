"""All that the node's API server goes through while a test runs, for the invariants and for waits without a poll."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cluster import Cluster, health
from tests.cluster.addresses import API_URL
from tests.cluster.certificates import Pair
from tests.cluster.paths import RunDir
from tests.cluster.rest import Rest
from tests.e2e.kubectl import PATIENCE, Object
from tests.integration.history import History, recorded
from tests.integration.invariants import Name

STEP = 0.02


@dataclass(frozen=True)
class Node:
    """The local cluster, as a history is recorded from it."""

    run: RunDir
    url: str
    rest: Rest


@contextmanager
def recording(cluster: Cluster) -> Iterator[History]:
    """Record the history of all namespaces."""
    pki = cluster.run.pki
    rest = Rest(API_URL, health.context(pki / "ca.crt", Pair(pki / "admin.crt", pki / "admin.key")))
    try:
        with recorded(Node(cluster.run, API_URL, rest)) as history:
            yield history
    finally:
        rest.close()


@dataclass(frozen=True)
class Watched:
    """One namespace of a history."""

    history: History
    namespace: str

    def now(self) -> dict[Name, Object]:
        """Return the objects that there are, by kind and name."""
        found: dict[Name, Object] = {}
        for change in sorted(self.history.changes[self.namespace], key=lambda change: change.version):
            found.pop(change.name, None)
            if change.obj is not None:
                found[change.name] = change.obj
        return found

    def pods(self, revision: str | None = None) -> list[Object]:
        """Return the pods, of one revision or of all."""
        label = "onnx-operator.dev/revision"
        pods = [obj for (kind, _), obj in self.now().items() if kind == "Pod"]
        return [pod for pod in pods if revision in (None, pod["metadata"].get("labels", {}).get(label))]

    def wait(self, kind: str, name: str, until: Callable[[Object], Any], patience: float = PATIENCE) -> Object:
        """Wait until an object comes to something; return it. Fails with the status seen last."""
        deadline = time.monotonic() + patience
        while True:
            changes = tuple(self.history.changes[self.namespace])
            found = next((change for change in reversed(changes) if change.name == (kind, name)), None)
            if found and found.obj and until(found.obj):
                return found.obj
            if time.monotonic() > deadline:
                status = (found.obj or {}).get("status") if found else None
                raise AssertionError(f"{kind} {name} did not come to that in {patience:.0f} s; its status: {status}")
            time.sleep(STEP)
