"""The command: plays models with servers, keeps their results, prints the section, and writes it into a page if asked.

The exit code is 0 whatever was measured; it is 1 when a server failed.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.results import Results
from benchmarks.server import subject
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.installing import install_tools
from benchmarks.server.models import MODELS
from benchmarks.server.places import LOAD_CORE, SERVER_CORE, cache
from benchmarks.server.rounds import Plan, play
from benchmarks.server.servers import SERVERS
from benchmarks.server.ways import WAYS
from tests.cluster.errors import ClusterError
from tests.cluster.lock import only_one
from tests.cluster.paths import TREE
from tests.cluster.progress import note

RESULTS: Final = TREE / "build/benchmarks/server.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    chosen = _parser().parse_args(arguments)
    failures: list[str] = []

    def failed(what: str) -> None:
        failures.append(what)
        note(f"failed: {what}")

    try:
        with only_one(cache(), "running this benchmark"):
            results = Results.read(chosen.results)
            servers = [SERVERS[name] for name in chosen.servers]
            install_tools()
            for server in servers:
                server.install()
            for way in {way.name: way for name in chosen.only for way in WAYS[name]}.values():
                way.install()
            _move_to_the_load_core()
            plan = Plan(chosen.rounds, chosen.seconds, 1, tuple(chosen.concurrency))
            for name in chosen.only:
                with tempfile.TemporaryDirectory(prefix="bench-server-") as folder:
                    made = subject.made(MODELS[name], Path(folder))
                    for server_name, values in play(made, servers, WAYS[name], plan, failed).items():
                        results.add(f"{name} {server_name}", values, {"machine": machine.describe()})
                results.write(chosen.results)
    except (BenchmarkError, ClusterError) as error:
        failed(str(error))
    return 1 if failures else 0


def _move_to_the_load_core() -> None:
    try:
        os.sched_setaffinity(0, {LOAD_CORE})
    except OSError as error:
        raise BenchmarkError(f"two cores are needed, {SERVER_CORE} for the server and {LOAD_CORE} for loads") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server", description="Measure the server beside raw ONNX Runtime and other servers."
    )
    parser.add_argument(
        "--only", nargs="+", choices=MODELS, default=list(MODELS), metavar="MODEL", help=", ".join(MODELS)
    )
    parser.add_argument(
        "--servers", type=_servers, default=list(SERVERS), metavar="NAME,...", help=f"which ({','.join(SERVERS)})"
    )
    parser.add_argument("--concurrency", type=_counts, default=Plan.concurrencies, help="connections (1,8,32,64)")
    parser.add_argument("--rounds", type=_count, default=Plan.rounds, help=f"turns of each server ({Plan.rounds})")
    parser.add_argument("--seconds", type=_count, default=Plan.seconds, help=f"of one load ({Plan.seconds})")
    parser.add_argument("--write", type=Path, help="write the section into this page, too; its other sections stay")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="where results are kept; those that are not measured anew stay"
    )
    return parser


def _servers(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in SERVERS]:
        raise argparse.ArgumentTypeError(f"no server is called {', '.join(unknown)}; there are {', '.join(SERVERS)}")
    return names


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))
