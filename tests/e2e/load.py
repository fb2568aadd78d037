"""Constant load of clients that never retry: a process of each kind, and what became of each of their requests."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.cluster.paths import TREE
from tests.e2e.load_client import KINDS
from tests.e2e.load_questions import WRONG

PAUSE = 0.025
"""Seconds between an answer and a client's next request: two cores hold the cluster, the pods and the clients."""

LIMIT = 30.0


@dataclass(frozen=True)
class Request:
    """One request: when it was sent (monotonic seconds), seconds until its answer, who answered, why it was lost.

    `tells` is what its answer tells: a scale model's factor; of questions whose answers are known, whether it is right.
    """

    kind: str
    sent: float
    seconds: float
    version: str
    tells: float
    lost: str | None


class Load:
    """Asks a model behind an address, with `each` clients of every kind, while the block runs.

    `questions` is a file of `load_questions.keep`; without one the model is a scale model.
    """

    def __init__(
        self, host: str, model: str, folder: Path, pause: float = PAUSE, each: int = 1, questions: Path | None = None
    ) -> None:
        self._host, self._model, self._folder, self._pause = host, model, folder, pause
        self._questions = [] if questions is None else [str(questions)]
        self._kinds = KINDS * each
        self._clients: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Load":
        for index, kind in enumerate(self._kinds):
            arguments = [kind, self._host, self._model, str(self._file(index)), str(self._pause), *self._questions]
            command = [sys.executable, "-m", "tests.e2e.load_client", *arguments]
            self._clients.append(subprocess.Popen(command, cwd=TREE, stdin=subprocess.PIPE))
        deadline = time.monotonic() + LIMIT
        while not all(self._file(index).exists() and self._file(index).stat().st_size for index in self._indices):
            assert time.monotonic() < deadline, "a client did not begin"
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let the requests that are under way end, and send no more."""
        for client in self._clients:
            assert client.stdin is not None
            client.stdin.close()
        ended = [client.wait(LIMIT) for client in self._clients]
        self._clients = []
        assert not any(ended), f"clients ended with {ended}"

    def count(self) -> int:
        """Return how many requests there were until now."""
        return sum(self._file(index).read_bytes().count(b"\n") for index in self._indices)

    def requests(self) -> list[Request]:
        """Return all requests until now, in the order in which they were sent."""
        found: list[Request] = []
        for index in self._indices:
            # The last line may not be whole yet.
            lines = self._file(index).read_text().split("\n")[:-1]
            found += [Request(self._kinds[index], *json.loads(line)) for line in lines]
        return sorted(found, key=lambda request: request.sent)

    @property
    def _indices(self) -> range:
        return range(len(self._kinds))

    def _file(self, index: int) -> Path:
        return self._folder / f"client-{index}.jsonl"


def lost(requests: Sequence[Request]) -> list[str]:
    """Return what was lost, in words."""
    return [f"{request.sent:.2f} {request.kind}: {request.lost}" for request in requests if request.lost]


def wrong(requests: Sequence[Request]) -> list[Request]:
    """Return the requests that were answered wrongly, where right answers are known."""
    return [request for request in requests if not request.lost and request.tells == WRONG]


def percentile(requests: Sequence[Request], share: float) -> float:
    """Return the seconds within which so many of the answered requests (0..1) had their answer; 0 without any."""
    times = sorted(request.seconds for request in requests if not request.lost)
    return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0


def by_version(requests: Sequence[Request]) -> Counter[str]:
    """Return how many requests each version has answered."""
    return Counter(request.version for request in requests if not request.lost)


def within(requests: Sequence[Request], began: float, ended: float) -> list[Request]:
    """Return the requests that were sent in a span of time."""
    return [request for request in requests if began <= request.sent < ended]
