"""gRPC load by h2load: each connection sends the same message again when the last one was answered."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.loads import Load
from benchmarks.server.places import LOAD_CORE
from tests.cluster.commands import run

HEADERS: Final = ("content-type: application/grpc", "te: trailers")
PREFIX: Final = 5
"""Bytes before each gRPC message: compressed or not, and its length."""
COUNTS: Final = re.compile(
    r"requests: \d+ total, \d+ started, (?P<done>\d+) done, (?P<succeeded>\d+) succeeded, (?P<failed>\d+) failed, "
    r"(?P<errored>\d+) errored, (?P<timeout>\d+) timeout"
)
DATA: Final = re.compile(r"\((\d+)\) data$", re.MULTILINE)
IN_FLIGHT: Final = 2
"""How many answers a connection may have got in part, or uncounted, when the time was over."""


def parsed(output: str, log: Iterable[str], connections: int, seconds: float, answer_bytes: int) -> Load:
    """Return what h2load measured. Pure.

    `log` holds a line a request: when it began, its status, and its time in microseconds. An error of gRPC has
    status 200 and no message, so the bytes that came must be those of right answers. Raises BenchmarkError if they are
    not.
    """
    counts, data = COUNTS.search(output), DATA.search(output)
    if counts is None or data is None:
        raise BenchmarkError(f"h2load measured nothing:\n{output}")
    done = int(counts["done"])
    if any(int(counts[name]) for name in ("failed", "errored", "timeout")):
        raise BenchmarkError(f"{done} requests were answered, others failed:\n{output}")
    expected, got = done * (answer_bytes + PREFIX), int(data[1])
    if abs(got - expected) > connections * IN_FLIGHT * (answer_bytes + PREFIX):
        raise BenchmarkError(
            f"{done} answers of {answer_bytes} bytes are {expected} bytes with their prefixes, but {got} came: "
            f"some were errors\n{output}"
        )
    return Load.of([int(line.split()[2]) / 1000 for line in log], seconds)


def load(url: str, frame: Path, answer_bytes: int, connections: int, seconds: int, folder: Path) -> Load:
    """Send the message in `frame`, with its prefix, over so many connections for so long."""
    log = folder / "requests"
    log.unlink(missing_ok=True)
    command = ["taskset", "-c", str(LOAD_CORE), "h2load", "--threads", "1", "--clients", str(connections)]
    command += ["--max-concurrent-streams", "1", "--duration", str(seconds), "--data", str(frame)]
    command += [part for header in HEADERS for part in ("--header", header)]
    output = run([*command, "--log-file", str(log), url], what="h2load", timeout=seconds + 60)
    with log.open() as lines:
        return parsed(output, lines, connections, seconds, answer_bytes)
