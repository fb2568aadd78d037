"""What the server must reach, where it shall come, and what it was measured to reach: shown, never asserted. Pure."""

from dataclasses import dataclass
from typing import Final

from benchmarks.results import Results
from benchmarks.server.figures import (
    BATCH_1,
    BATCH_32,
    Figure,
    Of,
    OfCase,
    OfRaw,
    PerSecond,
    in_its_best_way,
    spread_of,
)
from benchmarks.server.servers import OURS, SERVERS

PEERS: Final = tuple(name for name in SERVERS if name != OURS)


@dataclass(frozen=True)
class Bound:
    """One row: `must` is due, `goal` is wished for; with `at_most` less is better.

    With `ahead` the middle of the rounds must also be above that of every peer. `before` is what was measured before on
    this kind of machine, in words.
    """

    title: str
    figure: Figure
    must: float
    goal: float
    unit: str = ""
    before: str = ""
    at_most: bool = False
    ahead: bool = False

    def value(self, results: Results, server: str = OURS) -> float | None:
        """Return the middle of a server's rounds; None if it was not measured."""
        found = spread_of(self.figure.of(results, server))
        return None if found is None else float(found["median"])

    def of_peer(self, results: Results, peer: str) -> tuple[float | None, str]:
        """Return a peer's value, of raw in its best way, and that way if it is not ours."""
        if not isinstance(self.figure, OfRaw):
            return self.value(results, peer), ""
        best = in_its_best_way(self.figure, results, peer)
        found = spread_of(best.of(results, peer))
        way = best.case.rsplit(" ", 1)[0]
        return (None, "") if found is None else (found["median"], "" if best == self.figure else way)

    def must_met(self, results: Results) -> bool | None:
        """Say whether what is due was reached; None if that is not known."""
        value = self.value(results)
        if value is None:
            return None
        if not self._reaches(value, self.must):
            return False
        if not self.ahead:
            return True
        peers = [self.value(results, peer) for peer in PEERS]
        if any(peer is not None and peer >= value for peer in peers):
            return False
        return None if None in peers else True

    def goal_met(self, results: Results) -> bool | None:
        """Say whether the goal was reached; None if it was not measured."""
        value = self.value(results)
        return None if value is None else self._reaches(value, self.goal)

    def _reaches(self, value: float, limit: float) -> bool:
        return value <= limit if self.at_most else value >= limit


BOUNDS: Final = (
    Bound(
        "tiny, HTTP binary, c=32, of raw batch 1",
        OfRaw("tiny", "http binary 32", BATCH_1),
        0.30,
        0.42,
        before="plain ASGI on uvicorn 0.17, a protocol subclass 0.45; KServe, MLServer, PyTriton ≤ 0.02",
    ),
    Bound(
        "1.2 ms, HTTP binary, c=1, of raw batch 1",
        OfRaw("middle", "http binary 1", BATCH_1),
        0.82,
        0.88,
        before="KServe gRPC 0.64",
    ),
    Bound(
        "1.2 ms, HTTP binary, c=32, of raw batch 32",
        OfRaw("middle", "http binary 32", BATCH_32),
        0.75,
        0.84,
        before="PyTriton 0.24, MLServer 0.14",
    ),
    Bound(
        "image, HTTP binary, c=1, of raw batch 1",
        OfRaw("image", "http binary 1", BATCH_1),
        0.82,
        0.89,
        before="KServe gRPC 0.68",
    ),
    Bound(
        "tiny, gRPC, c=32; must also be ahead of each peer",
        PerSecond("tiny", "grpc 32"),
        5000,
        25000,
        "/s",
        "PyTriton 4.1k, KServe 1.7k",
        ahead=True,
    ),
    Bound(
        "1,000 floats as JSON, c=32, of binary",
        OfCase("wide", "http json 32", "http binary 32"),
        0.7,
        0.9,
    ),
    Bound("PSS, tiny model loaded", Of("tiny", "pssMB"), 130, 105, "MB", "195 to 344 MB", at_most=True),
    Bound("exec to ready, warm disk", Of("tiny", "readyAfter"), 1.5, 0.8, "s", at_most=True),
)
