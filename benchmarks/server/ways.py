"""The ways in which requests come: protocol, encoding, and the tool that sends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.server.loads import Load
from benchmarks.server.messages import as_json, binary
from benchmarks.server.over_grpc import OverGrpc
from benchmarks.server.over_http import OverHttp
from benchmarks.server.subject import Subject


class Way(Protocol):
    """One way: it checks answers, and it measures."""

    @property
    def name(self) -> str:
        """What results call it."""

    def install(self) -> None:
        """Make ready what it needs."""

    def check(self, subject: Subject) -> int:
        """Compare the answers to different requests with the raw ones; return an answer's bytes.

        Raises BenchmarkError.
        """

    def load(self, subject: Subject, answer_bytes: int, connections: int, seconds: int) -> Load:
        """Send one request again and again, each connection when its last one was answered."""


BINARY: Final = OverHttp("http binary", binary)
JSON: Final = OverHttp("http json", as_json)
GRPC: Final = OverGrpc()

WAYS: Final[dict[str, tuple[Way, ...]]] = {
    "tiny": (BINARY, JSON, GRPC),
    "middle": (BINARY, JSON, GRPC),
    "image": (BINARY, GRPC),
    "wide": (BINARY, JSON),
}
"""By model: in which ways it is asked."""


@dataclass(frozen=True)
class Case:
    """One load: a way and how many connections."""

    way: Way
    connections: int

    @property
    def name(self) -> str:
        """What results call it, such as `http binary 32`."""
        return f"{self.way.name} {self.connections}"


def cases(model: str, concurrencies: Sequence[int]) -> list[Case]:
    """Return all loads of a model."""
    return [Case(way, connections) for way in WAYS[model] for connections in concurrencies]
