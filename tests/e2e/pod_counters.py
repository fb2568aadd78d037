"""What the servers of a namespace say of their split while a test runs: from their metrics, several times a second."""

import http.client
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from tests.e2e.kubectl import Object

INTERVAL = 0.2
"""Seconds between two looks."""

METRICS_PORT = 8002
REVISION = "onnx-operator.dev/revision"
WEIGHT = re.compile(r"^onnx_server_split_weight_percent (\S+)$", re.MULTILINE)
FORWARDED = re.compile(r'^onnx_server_forwarded_requests_total\{direction="out",outcome="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Counters:
    """What one server says: percent that it forwards, and what became of the requests that it gave away."""

    revision: str
    weight: float
    forwarded: dict[str, float]


@dataclass(frozen=True)
class Look:
    """One look at all servers that answer, by pod UID; `began` and `ended` in monotonic seconds."""

    began: float
    ended: float
    servers: dict[str, Counters]

    def weights(self, revision: str) -> set[float]:
        """Return the weights that the servers of a revision have applied."""
        return {server.weight for server in self.servers.values() if server.revision == revision}

    def failures(self, kinds: frozenset[str]) -> float:
        """Return how many requests that were given away failed in one of these ways."""
        return sum(server.forwarded.get(kind, 0.0) for server in self.servers.values() for kind in kinds)


@dataclass
class PodCounters:
    """Looks at the servers while the block runs; `pods` returns the pods that there are."""

    pods: Callable[[], list[Object]]
    looks: list[Look] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "PodCounters":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            began, servers = time.monotonic(), {}
            for pod in self.pods():
                if counters := _ask(pod):
                    servers[pod["metadata"]["uid"]] = counters
            self.looks.append(Look(began, time.monotonic(), servers))


def _ask(pod: Object) -> Counters | None:
    address = pod.get("status", {}).get("podIP")
    if not address:
        return None
    connection = http.client.HTTPConnection(address, METRICS_PORT, timeout=1.0)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):  # it is not up yet, or it has ended
        return None
    finally:
        connection.close()
    weight = WEIGHT.search(text)
    if weight is None:
        return None
    revision = pod["metadata"].get("labels", {}).get(REVISION, "")
    return Counters(revision, float(weight[1]), {kind: float(count) for kind, count in FORWARDED.findall(text)})
