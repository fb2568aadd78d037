"""Drains and malformed input, as the contract tests have them, for longer and with more clients."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.results import Object
from tests.cluster.progress import note
from tests.contract import drain_clients, frame_fuzzing, fuzzing, grpc_drain_clients

DRAIN_SECONDS: Final = 2
"""`drainSeconds`: from SIGTERM until connections are ended, while a Service finds out."""

HTTP_EACH, GRPC_EACH = 64, 10
"""Clients of each kind; those of gRPC have threads, which share a core with the rest."""


def http_drains(times: int) -> Object:
    """Return of each drain of HTTP clients: clients, requests, those after SIGTERM, lost ones, seconds to the end."""
    return {"drains": [_http_drain() for _ in range(times)]}


def _http_drain() -> Object:
    with _folder() as folder, grpc_drain_clients.draining(folder, DRAIN_SECONDS) as server:
        seen = drain_clients.measure(server, each=HTTP_EACH)
    note(str(seen))
    _say(seen.lost)
    return {
        "clients": HTTP_EACH * len(seen.requests),
        "requests": seen.requests.total(),
        "after": seen.after,
        "lost": len(seen.lost),
        "seconds": seen.seconds,
        "status": seen.status,
    }


def grpc_drains(times: int) -> Object:
    """Return of each drain of gRPC clients: clients, requests, lost ones, seconds to the end."""
    return {"drains": [_grpc_drain() for _ in range(times)]}


def _grpc_drain() -> Object:
    with (
        _folder() as folder,
        _folder() as other,
        grpc_drain_clients.draining(folder, DRAIN_SECONDS) as old,
        grpc_drain_clients.draining(other, 0) as new,
    ):
        seen, _, status, seconds = asyncio.run(grpc_drain_clients.roll(old, new, each=GRPC_EACH))
    note(f"{seen.answered.total()} requests over gRPC; {len(seen.lost)} lost; {seconds:.1f} s to the end")
    _say(seen.lost)
    return {
        "clients": GRPC_EACH * len(grpc_drain_clients.KINDS),
        "requests": seen.answered.total() + len(seen.lost),
        "lost": len(seen.lost),
        "seconds": seconds,
        "status": status,
    }


def malformed_requests(seconds: int, seed: int) -> Object:
    """Return what came of malformed requests over HTTP.

    Raises AssertionError where one was not refused as the client's mistake.
    """
    with _folder() as folder, fuzzing.fuzzed_server(folder) as server:
        seen = fuzzing.fuzz(server, seconds, seed)
    note(str(seen))
    statuses = {str(status): count for status, count in sorted(seen.statuses.items())}
    return {
        "seconds": seconds,
        "requests": seen.statuses.total(),
        "statuses": statuses,
        "slowest": seen.slowest,
        "residentKib": seen.resident,
        "growthKib": seen.growth,
    }


def malformed_frames(seconds: int, seed: int) -> Object:
    """Return what came of connections with malformed frames of HTTP/2.

    Raises AssertionError where a good call failed.
    """
    seen = frame_fuzzing.fuzz(seconds, seed)
    note(f"{seen.connections} connections with malformed frames; {len(seen.escaped)} errors that nobody caught")
    return {
        "seconds": seconds,
        "connections": seen.connections,
        "escaped": len(seen.escaped),
        "growthKib": seen.growth // 1024,
    }


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-endurance-") as folder:
        yield Path(folder)


def _say(lost: list[str]) -> None:
    for what, count in Counter(lost).most_common(5):
        note(f"lost {count} times: {what[:300]}")
